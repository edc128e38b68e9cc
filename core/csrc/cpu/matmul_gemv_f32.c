/* One float32 row times a matrix. */
#define DVT_GEMM_F32
#define DVT_GEMV dvt_gemv_f32
#include "matmul_gemv.h"
