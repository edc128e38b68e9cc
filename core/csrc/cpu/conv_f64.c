/* Convolution of float64. */
#define DVT_GEMM_F64
#include "matmul_simd.h"

#define S double
#define FROM(x) (x)
#define TO(x) (x)
#define DVT_CONV_SAME
#include "conv_pack.h"
#include "conv_depthwise.h"

const dvt_conv_element dvt_conv_f64 = {&dvt_gemm_element_f64, pack_pixels, pack_features, depthwise,
                                       depthwise_weight};
