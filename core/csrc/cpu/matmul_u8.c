/* 8-bit integer products; signed and unsigned have the same bits. */
#include "matmul_engine.h"

#define DVT_GEMM_U8
#include "matmul_simd.h"
#include "matmul_tile.h"

#define DVT_PACK(name) name##_u8
#define S T
#define FROM(x) (x)
#define TO(x) (x)
#include "matmul_pack.h"

const dvt_gemm_type dvt_gemm_u8 = {tile, edge,        zero,        sizeof(T), MR,
                                   NR,   DVT_GEMM_KC, DVT_GEMM_MC, VL * 1.0};
const dvt_gemm_element dvt_gemm_element_u8 = {&dvt_gemm_u8, pack_u8, store_u8, 1, 1};
