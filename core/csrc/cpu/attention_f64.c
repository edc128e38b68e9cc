/* attention in float64. */
#define T double
#define DVT_ATTENTION_TYPE dvt_attention_f64
#define DVT_ATTENTION_GEMM dvt_gemm_f64
#define LANES DVT_VD_LANES
#define W dvt_vd
#define W_(name) dvt_vd_##name
#define LOG log
#include "vec_math.h"

DVT_INLINE dvt_vd exp_negative(dvt_vd x) {
    return dvt_vd_exp(x);
}

DVT_INLINE dvt_vd exp_bounded(dvt_vd x) {
    return dvt_vd_exp(x);
}

#include "attention_block.h"
