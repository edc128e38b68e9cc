/* One float64 row times a matrix. */
#define DVT_GEMM_F64
#define DVT_GEMV dvt_gemv_f64
#include "matmul_gemv.h"
