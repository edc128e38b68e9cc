/* exp, log, tanh and sigmoid over vectors of float64, at most 4 ulp, special values included; and
 * the parts of them that power of float32 is made of. Forms and coefficients as in vec_math.h. */
#ifndef DVT_CPU_VEC_MATH_F64_H
#define DVT_CPU_VEC_MATH_F64_H

#include "vec.h"
#include "vec_coefficients.h"

#define DVT_LOG2E_F64 0x1.71547652b82fep0
/* log(2) in two parts, the first of 33 bits: n * high is exact for |n| < 2^20. */
#define DVT_LN2_HIGH_F64 0x1.62e42feep-1
#define DVT_LN2_LOW_F64 0x1.a39ef35793c76p-33

/* 2^n of a whole n, -1022 <= n <= 1023. Adding 1.5 * 2^52 puts n into the low bits. */
DVT_INLINE dvt_vd dvt_vd_power_of_two(dvt_vd n) {
    const dvt_vl bits = dvt_vd_as_l(dvt_vd_add(n, dvt_vd_set1(0x1.8p52)));
    return dvt_vl_as_d(dvt_vl_shl(dvt_vl_add(bits, dvt_vl_set1(1023)), 52));
}

/* x = n log(2) + r with |r| <= log(2)/2. Gives n; x must be of moderate size. */
DVT_INLINE dvt_vd dvt_vd_reduce_ln2(dvt_vd x, dvt_vd *r) {
    const dvt_vd n = dvt_vd_round(dvt_vd_mul(x, dvt_vd_set1(DVT_LOG2E_F64)));
    *r = dvt_vd_fnma(n, dvt_vd_set1(DVT_LN2_LOW_F64),
                     dvt_vd_fnma(n, dvt_vd_set1(DVT_LN2_HIGH_F64), x));
    return n;
}

/* e^x. */
DVT_INLINE dvt_vd dvt_vd_exp(dvt_vd x) {
    const dvt_vd bounded = dvt_vd_max(dvt_vd_set1(-750.0), dvt_vd_min(dvt_vd_set1(710.0), x));
    dvt_vd r;
    const dvt_vd n = dvt_vd_reduce_ln2(bounded, &r);
    const dvt_vd p = DVT_VD_POLYNOMIAL(r, dvt_exp_f64);
    const dvt_vd e = dvt_vd_add(dvt_vd_set1(1.0), dvt_vd_fma(dvt_vd_mul(r, r), p, r));
    const dvt_vd half = dvt_vd_round(dvt_vd_mul(n, dvt_vd_set1(0.5)));
    return dvt_vd_mul(dvt_vd_mul(e, dvt_vd_power_of_two(half)),
                      dvt_vd_power_of_two(dvt_vd_sub(n, half)));
}

/* x = 2^n (1 + f) with sqrt(1/2) <= 1 + f < sqrt(2), for a normal x > 0. Gives n. */
DVT_INLINE dvt_vd dvt_vd_split(dvt_vd x, dvt_vd *f) {
    const dvt_vl root = dvt_vl_set1(0x3fe6a09e667f3bcd), one = dvt_vl_set1(0x3ff0000000000000);
    const dvt_vl bits = dvt_vl_add(dvt_vl_sub(dvt_vd_as_l(x), root), one);
    const dvt_vl mantissa = dvt_vl_and(bits, dvt_vl_set1(0x000fffffffffffff));
    *f = dvt_vd_sub(dvt_vl_as_d(dvt_vl_add(mantissa, root)), dvt_vd_set1(1.0));
    const dvt_vl biased = dvt_vl_shr_logical(bits, 52);
    const dvt_vd n = dvt_vl_as_d(dvt_vl_or(biased, dvt_vl_set1(0x4330000000000000)));
    return dvt_vd_sub(n, dvt_vd_set1(0x1p52 + 1023));
}

/* The natural logarithm. */
DVT_INLINE dvt_vd dvt_vd_log(dvt_vd x) {
    const dvt_vn subnormal = dvt_vd_lt(x, dvt_vd_set1(0x1p-1022));
    const dvt_vd scaled = dvt_vd_select(subnormal, dvt_vd_mul(x, dvt_vd_set1(0x1p54)), x);
    dvt_vd f, n = dvt_vd_split(scaled, &f);
    n = dvt_vd_select(subnormal, dvt_vd_sub(n, dvt_vd_set1(54.0)), n);
    const dvt_vd square = dvt_vd_mul(f, f);
    const dvt_vd p = DVT_VD_POLYNOMIAL(f, dvt_log_f64);
    const dvt_vd low =
        dvt_vd_fma(dvt_vd_mul(f, square), p, dvt_vd_mul(n, dvt_vd_set1(DVT_LN2_LOW_F64)));
    const dvt_vd rest =
        dvt_vd_sub(f, dvt_vd_fnma(dvt_vd_set1(1.0), low, dvt_vd_mul(square, dvt_vd_set1(0.5))));
    dvt_vd result = dvt_vd_fma(n, dvt_vd_set1(DVT_LN2_HIGH_F64), rest);
    const dvt_vd infinity = dvt_vd_set1(__builtin_inf());
    result = dvt_vd_select(dvt_vd_eq(x, infinity), infinity, result);
    result = dvt_vd_select(dvt_vd_eq(x, dvt_vd_set1(0.0)), dvt_vd_neg(infinity), result);
    const dvt_vn valid = dvt_vd_ge(x, dvt_vd_set1(0.0));
    return dvt_vd_select(valid, result, dvt_vd_set1(__builtin_nan("")));
}

DVT_INLINE dvt_vd dvt_vd_tanh(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x), one = dvt_vd_set1(1.0);
    const dvt_vd square = dvt_vd_mul(x, x);
    const dvt_vd near =
        dvt_vd_fma(dvt_vd_mul(x, square), DVT_VD_POLYNOMIAL(square, dvt_tanh_f64), x);
    const dvt_vd bounded = dvt_vd_min(dvt_vd_set1(22.0), size);
    const dvt_vd e = dvt_vd_exp(dvt_vd_add(bounded, bounded));
    const dvt_vd far = dvt_vd_sub(one, dvt_vd_div(dvt_vd_set1(2.0), dvt_vd_add(e, one)));
    const dvt_vd result = dvt_vd_select(dvt_vd_lt(size, dvt_vd_set1(0.625)), near, far);
    return dvt_vd_copysign(result, x); /* of near too: -0 must stay */
}

/* 1 / (1 + e^-x), without overflow on the left. */
DVT_INLINE dvt_vd dvt_vd_sigmoid(dvt_vd x) {
    const dvt_vd one = dvt_vd_set1(1.0), e = dvt_vd_exp(dvt_vd_neg(dvt_vd_abs(x)));
    const dvt_vd above = dvt_vd_select(dvt_vd_lt(x, dvt_vd_set1(0.0)), e, one);
    return dvt_vd_div(above, dvt_vd_add(one, e));
}

/* |x|^y for power of float32: 33 bits, zero and infinity included. */
DVT_INLINE dvt_vd dvt_vd_power_magnitude(dvt_vd x, dvt_vd y) {
    dvt_vd f, r;
    const dvt_vd n = dvt_vd_split(x, &f), square = dvt_vd_mul(f, f);
    const dvt_vd p = DVT_VD_POLYNOMIAL(f, dvt_power_log_f64);
    const dvt_vd part =
        dvt_vd_sub(dvt_vd_mul(dvt_vd_mul(f, square), p), dvt_vd_mul(square, dvt_vd_set1(0.5)));
    dvt_vd log = dvt_vd_fma(n, dvt_vd_set1(0x1.62e42fefa39efp-1), dvt_vd_add(f, part));
    const dvt_vd infinity = dvt_vd_set1(__builtin_inf());
    log = dvt_vd_select(dvt_vd_eq(x, infinity), infinity, log);
    log = dvt_vd_select(dvt_vd_eq(x, dvt_vd_set1(0.0)), dvt_vd_neg(infinity), log);
    const dvt_vd exponent = dvt_vd_mul(y, log);
    const dvt_vd bounded =
        dvt_vd_max(dvt_vd_set1(-150.0), dvt_vd_min(dvt_vd_set1(150.0), exponent));
    const dvt_vd k = dvt_vd_reduce_ln2(bounded, &r);
    const dvt_vd q = DVT_VD_POLYNOMIAL(r, dvt_power_exp_f64);
    const dvt_vd e = dvt_vd_add(dvt_vd_set1(1.0), dvt_vd_fma(dvt_vd_mul(r, r), q, r));
    return dvt_vd_mul(e, dvt_vd_power_of_two(k));
}

#endif
