/* float32 products, and 16-bit floats, which are float32 between packing and storing. */
#include "matmul_engine.h"
#include "matmul_half.h"

#define DVT_GEMM_F32
#include "matmul_simd.h"
#include "matmul_tile.h"
#if defined(__AVX2__)
#include "matmul_turn.h"
#define DVT_PACK_TURN dvt_gemm_turn
#endif

#define DVT_PACK(name) name##_f32
#define S float
#define FROM(x) (x)
#define TO(x) (x)
#include "matmul_pack.h"
#undef DVT_PACK_TURN
#undef DVT_PACK
#undef S
#undef FROM
#undef TO

#define DVT_PACK(name) name##_f16
#define S uint16_t
#define FROM(x) dvt_product_from_f16(x)
#define TO(x) dvt_product_to_f16(x)
#include "matmul_pack.h"
#undef DVT_PACK
#undef FROM
#undef TO

#define DVT_PACK(name) name##_bf16
#define FROM(x) dvt_product_from_bf16(x)
#define TO(x) dvt_product_to_bf16(x)
#include "matmul_pack.h"

const dvt_gemm_type dvt_gemm_f32 = {tile, edge,        zero,        sizeof(T), MR,
                                    NR,   DVT_GEMM_KC, DVT_GEMM_MC, VL * 3.0};
const dvt_gemm_element dvt_gemm_element_f32 = {&dvt_gemm_f32, pack_f32, store_f32, 4, 1};
const dvt_gemm_element dvt_gemm_element_f16 = {&dvt_gemm_f32, pack_f16, store_f16, 2, 0};
const dvt_gemm_element dvt_gemm_element_bf16 = {&dvt_gemm_f32, pack_bf16, store_bf16, 2, 0};
