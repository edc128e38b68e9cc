/* What element-wise ops compute, as expressions of vec.h in x, y, z: the block functions of the interpreter
 * (unary.c, arithmetic.c, tile_composite.c) and the recordings of jit_functions.c are made from them. */
#ifndef DVT_CPU_FLOAT_EXPRESSIONS_H
#define DVT_CPU_FLOAT_EXPRESSIONS_H

#include "vec_math.h"
#include "vec_math_f64_exp.h"
#include "vec_math_f64_trig.h"

/* name, expression in float32 */
#define DVT_UNARY_F32(X)                                                                           \
    X(exp, dvt_vf_exp(x))                                                                          \
    X(log, dvt_vf_log(x))                                                                          \
    X(log1p, dvt_vf_log1p(x))                                                                      \
    X(expm1, dvt_vf_expm1(x))                                                                      \
    X(sqrt, dvt_vf_sqrt(x))                                                                        \
    X(rsqrt, dvt_vf_div(dvt_vf_set1(1.0f), dvt_vf_sqrt(x)))                                        \
    X(sin, dvt_vf_sin(x))                                                                          \
    X(cos, dvt_vf_cos(x))                                                                          \
    X(tanh, dvt_vf_tanh(x))                                                                        \
    X(erf, dvt_vf_erf(x))                                                                          \
    X(erfinv, dvt_vf_erfinv(x))                                                                    \
    X(sigmoid, dvt_vf_sigmoid(x))                                                                  \
    X(floor, dvt_vf_floor(x))                                                                      \
    X(ceil, dvt_vf_ceil(x))                                                                        \
    X(trunc, dvt_vf_trunc(x))                                                                      \
    X(round, dvt_vf_round(x))

/* name, expression in float64 */
#define DVT_UNARY_F64(X)                                                                           \
    X(exp, dvt_vd_exp(x))                                                                          \
    X(log, dvt_vd_log(x))                                                                          \
    X(sqrt, dvt_vd_sqrt(x))                                                                        \
    X(rsqrt, dvt_vd_div(dvt_vd_set1(1.0), dvt_vd_sqrt(x)))                                         \
    X(tanh, dvt_vd_tanh(x))                                                                        \
    X(sigmoid, dvt_vd_sigmoid(x))                                                                  \
    X(round, dvt_vd_round(x))

/* In float64 where an fma rounds once; see unary.c. */
#define DVT_UNARY_FUSED_F64(X)                                                                     \
    X(log1p, dvt_vd_log1p(x))                                                                      \
    X(expm1, dvt_vd_expm1(x))                                                                      \
    X(sin, dvt_vd_sin(x))                                                                          \
    X(cos, dvt_vd_cos(x))

/* name: in both, float32 through float64, where an fma rounds once. */
#define DVT_UNARY_THROUGH_F64(X)                                                                   \
    X(tan)                                                                                         \
    X(asin)                                                                                        \
    X(acos)                                                                                        \
    X(atan)                                                                                        \
    X(sinh)                                                                                        \
    X(cosh)                                                                                        \
    X(asinh)                                                                                       \
    X(acosh)                                                                                       \
    X(atanh)                                                                                       \
    X(exp2)                                                                                        \
    X(log2)                                                                                        \
    X(log10)                                                                                       \
    X(cbrt)
#define DVT_THROUGH_F64(name)                                                                      \
    dvt_vf_from_d(dvt_vd_##name(dvt_vf_low_d(x)), dvt_vd_##name(dvt_vf_high_d(x)))

/* The vector's max gives y when one is NaN; so an x that is NaN has to be put back. */
#define DVT_BINARY_F32(X)                                                                          \
    X(add, dvt_vf_add(x, y))                                                                       \
    X(subtract, dvt_vf_sub(x, y))                                                                  \
    X(multiply, dvt_vf_mul(x, y))                                                                  \
    X(divide, dvt_vf_div(x, y))                                                                    \
    X(maximum, dvt_vf_select(dvt_vf_ne(x, x), x, dvt_vf_max(x, y)))                                \
    X(minimum, dvt_vf_select(dvt_vf_ne(x, x), x, dvt_vf_min(x, y)))                                \
    X(power, dvt_vf_pow(x, y))
#define DVT_BINARY_F64(X)                                                                          \
    X(add, dvt_vd_add(x, y))                                                                       \
    X(subtract, dvt_vd_sub(x, y))                                                                  \
    X(multiply, dvt_vd_mul(x, y))                                                                  \
    X(divide, dvt_vd_div(x, y))                                                                    \
    X(maximum, dvt_vd_select(dvt_vd_ne(x, x), x, dvt_vd_max(x, y)))                                \
    X(minimum, dvt_vd_select(dvt_vd_ne(x, x), x, dvt_vd_min(x, y)))

/* ---- composites of a tile program ---------------------------------------------------------------- */

#define DVT_HALF_ROOT 0.70710678118654752440 /* sqrt(1/2) */
#define DVT_TWICE_ROOT 1.5957691216057307117 /* 2 sqrt(2/pi) */
#define DVT_GELU_CUBIC 0.044715

/* The logistic function within 2 ulp, for less than half the price of dvt_vf_sigmoid, whose last bit is lost
 * in the product that follows here: (1/2) / (1/2 + e^-x / 2). Half an exponential needs one scaling by
 * 2^(n-1): beyond 87 it is nothing beside 1/2, and from -89.07 on it is infinite. */
DVT_INLINE dvt_vf dvt_logistic_vf(dvt_vf x) {
    const dvt_vf half = dvt_vf_set1(0.5f);
    const dvt_vf bounded =
        dvt_vf_max(dvt_vf_set1(-87.0f), dvt_vf_min(dvt_vf_set1(89.5f), dvt_vf_neg(x)));
    dvt_vf r;
    const dvt_vi n = dvt_vf_reduce_ln2(bounded, &r);
    const dvt_vf p = DVT_VF_POLYNOMIAL(r, dvt_exp_f32);
    const dvt_vf e = dvt_vf_add(dvt_vf_set1(1.0f), dvt_vf_fma(dvt_vf_mul(r, r), p, r));
    const dvt_vf scale = dvt_vi_as_f(dvt_vi_shl(dvt_vi_add(n, dvt_vi_set1(126)), 23));
    return dvt_vf_div(half, dvt_vf_fma(e, scale, half));
}

DVT_INLINE dvt_vf dvt_gelu_vf(dvt_vf x) {
    const dvt_vf one = dvt_vf_set1(1);
    const dvt_vf erf = dvt_vf_erf(dvt_vf_mul(x, dvt_vf_set1((float)DVT_HALF_ROOT)));
    return dvt_vf_mul(dvt_vf_mul(dvt_vf_set1(0.5f), x), dvt_vf_add(one, erf));
}

/* (1 + tanh(u)) / 2 is the logistic function of 2 u, which keeps its digits in the lower tail. */
DVT_INLINE dvt_vf dvt_gelu_tanh_vf(dvt_vf x) {
    const dvt_vf cubic = dvt_vf_set1((float)(DVT_TWICE_ROOT * DVT_GELU_CUBIC));
    const dvt_vf slope = dvt_vf_fma(dvt_vf_mul(x, x), cubic, dvt_vf_set1((float)DVT_TWICE_ROOT));
    return dvt_vf_mul(x, dvt_logistic_vf(dvt_vf_mul(x, slope)));
}
DVT_INLINE dvt_vd dvt_gelu_tanh_vd(dvt_vd x) {
    const dvt_vd slope = dvt_vd_fma(dvt_vd_mul(x, x), dvt_vd_set1(DVT_TWICE_ROOT * DVT_GELU_CUBIC),
                                    dvt_vd_set1(DVT_TWICE_ROOT));
    return dvt_vd_mul(x, dvt_vd_sigmoid(dvt_vd_mul(x, slope)));
}

/* log(1 + e^x) = max(x, 0) + log1p(e^-|x|) */
DVT_INLINE dvt_vf dvt_softplus_vf(dvt_vf x) {
    const dvt_vf rest = dvt_vf_log1p(dvt_vf_exp(dvt_vf_neg(dvt_vf_abs(x))));
    const dvt_vf sum = dvt_vf_add(dvt_vf_max(x, dvt_vf_set1(0)), rest);
    return dvt_vf_select(dvt_vf_ne(x, x), x, sum);
}

#define DVT_COMPOSITE_F32(X)                                                                       \
    X(relu, dvt_vf_select(dvt_vf_ne(x, x), x, dvt_vf_max(x, dvt_vf_set1(0))))                      \
    X(silu, dvt_vf_mul(x, dvt_logistic_vf(x)))                                                     \
    X(gelu, dvt_gelu_vf(x))                                                                        \
    X(gelu_tanh, dvt_gelu_tanh_vf(x))                                                              \
    X(softplus, dvt_softplus_vf(x))
#if DVT_VF_FUSED /* as log1p wants it */
DVT_INLINE dvt_vd dvt_softplus_vd(dvt_vd x) {
    const dvt_vd rest = dvt_vd_log1p(dvt_vd_exp(dvt_vd_neg(dvt_vd_abs(x))));
    const dvt_vd sum = dvt_vd_add(dvt_vd_max(x, dvt_vd_set1(0)), rest);
    return dvt_vd_select(dvt_vd_ne(x, x), x, sum);
}
#define DVT_COMPOSITE_FUSED_F64(X) X(softplus, dvt_softplus_vd(x))
#endif
#define DVT_COMPOSITE_F64(X)                                                                       \
    X(relu, dvt_vd_select(dvt_vd_ne(x, x), x, dvt_vd_max(x, dvt_vd_set1(0))))                      \
    X(silu, dvt_vd_mul(x, dvt_vd_sigmoid(x)))                                                      \
    X(gelu_tanh, dvt_gelu_tanh_vd(x))

#endif
