/* Convolution of bfloat16, computed in float32. */
#include "matmul_half.h"
#define DVT_GEMM_F32
#include "matmul_simd.h"

#define S uint16_t
#define FROM(x) dvt_product_from_bf16(x)
#define TO(x) dvt_product_to_bf16(x)
#include "conv_pack.h"
#include "conv_depthwise.h"

const dvt_conv_element dvt_conv_bf16 = {&dvt_gemm_element_bf16, pack_pixels, pack_features,
                                        depthwise, depthwise_weight};
