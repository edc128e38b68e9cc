/* 32-bit integer products; signed and unsigned have the same bits. */
#include "matmul_engine.h"

#define DVT_GEMM_U32
#include "matmul_simd.h"
#include "matmul_tile.h"

#define DVT_PACK(name) name##_u32
#define S T
#define FROM(x) (x)
#define TO(x) (x)
#include "matmul_pack.h"

const dvt_gemm_type dvt_gemm_u32 = {tile, edge,        zero,        sizeof(T), MR,
                                    NR,   DVT_GEMM_KC, DVT_GEMM_MC, VL * 1.0};
const dvt_gemm_element dvt_gemm_element_u32 = {&dvt_gemm_u32, pack_u32, store_u32, 4, 1};
