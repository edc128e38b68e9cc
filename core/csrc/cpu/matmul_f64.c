/* float64 products. */
#include "matmul_engine.h"

#define DVT_GEMM_F64
#include "matmul_simd.h"
#include "matmul_tile.h"

#define DVT_PACK(name) name##_f64
#define S double
#define FROM(x) (x)
#define TO(x) (x)
#include "matmul_pack.h"

const dvt_gemm_type dvt_gemm_f64 = {tile, edge,        zero,        sizeof(T), MR,
                                    NR,   DVT_GEMM_KC, DVT_GEMM_MC, VL * 3.0};
const dvt_gemm_element dvt_gemm_element_f64 = {&dvt_gemm_f64, pack_f64, store_f64, 8, 1};
