/* attention in float32, and of 16-bit floats, which are float32 between reading and writing. */
#define T float
#define DVT_ATTENTION_TYPE dvt_attention_f32
#define DVT_ATTENTION_GEMM dvt_gemm_f32
#define LANES DVT_VF_LANES
#define W dvt_vf
#define W_(name) dvt_vf_##name
#define LOG logf
#include "vec_math.h"

/* e^x for x <= 0 or NaN; below e^-87, which rounds away beside the 1 of a row's maximum, it is 0. */
DVT_INLINE dvt_vf exp_negative(dvt_vf x) {
    const dvt_vf least = dvt_vf_set1(-87.0f);
    const dvt_vf y = dvt_vf_exp_moderate(dvt_vf_max(least, x));
    return dvt_vf_select(dvt_vf_lt(x, least), dvt_vf_set1(0.0f), y);
}

/* e^x for any x: weights of gradients may stand beside any logarithm. */
DVT_INLINE dvt_vf exp_bounded(dvt_vf x) {
    return dvt_vf_exp(x);
}

#include "attention_block.h"
