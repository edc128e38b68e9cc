/* Convolution of float32. */
#define DVT_GEMM_F32
#include "matmul_simd.h"

#define S float
#define FROM(x) (x)
#define TO(x) (x)
#define DVT_CONV_SAME
#if defined(__AVX2__)
#include "matmul_turn.h"
#define DVT_CONV_TURN
#endif
#include "conv_pack.h"
#include "conv_depthwise.h"

const dvt_conv_element dvt_conv_f32 = {&dvt_gemm_element_f32, pack_pixels, pack_features, depthwise,
                                       depthwise_weight};
