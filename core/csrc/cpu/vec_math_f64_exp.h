/* More exponentials and logarithms over vectors of float64, for the builds whose fma rounds once: at
 * most 2 ulp, special values included. Forms and coefficients as in vec_math_f64.h; where a sum
 * would lose what matters, it is carried in two parts. */
#ifndef DVT_CPU_VEC_MATH_F64_EXP_H
#define DVT_CPU_VEC_MATH_F64_EXP_H

#include "vec_math_f64.h"

/* 2^x: exact where x is whole, since then nothing but the power of two is left. */
DVT_INLINE dvt_vd dvt_vd_exp2(dvt_vd x) {
    const dvt_vd bounded = dvt_vd_max(dvt_vd_set1(-1080.0), dvt_vd_min(dvt_vd_set1(1025.0), x));
    const dvt_vd n = dvt_vd_round(bounded), f = dvt_vd_sub(bounded, n);
    const dvt_vd ln2 = dvt_vd_set1(0x1.62e42fefa39efp-1);
    const dvt_vd r = dvt_vd_mul(f, ln2);
    const dvt_vd low =
        dvt_vd_fma(f, dvt_vd_set1(0x1.abc9e3b39803fp-56), dvt_vd_fma(f, ln2, dvt_vd_neg(r)));
    const dvt_vd p = dvt_vd_fma(dvt_vd_mul(r, r), DVT_VD_POLYNOMIAL(r, dvt_exp_f64), low);
    const dvt_vd e = dvt_vd_add(dvt_vd_set1(1.0), dvt_vd_add(r, p));
    const dvt_vd half = dvt_vd_round(dvt_vd_mul(n, dvt_vd_set1(0.5)));
    return dvt_vd_mul(dvt_vd_mul(e, dvt_vd_power_of_two(half)),
                      dvt_vd_power_of_two(dvt_vd_sub(n, half)));
}

/* e^x - 1: 2^n (e^r - 1) + (2^n - 1), at half the size, so that 2^1024 is not needed. The terms may
 * cancel a little: what their sum loses, and what r lacks, comes with the small term. */
DVT_INLINE dvt_vd dvt_vd_expm1(dvt_vd x) {
    const dvt_vd bounded = dvt_vd_max(dvt_vd_set1(-40.0), dvt_vd_min(dvt_vd_set1(710.0), x));
    const dvt_vd n = dvt_vd_round(dvt_vd_mul(bounded, dvt_vd_set1(DVT_LOG2E_F64)));
    const dvt_vd first = dvt_vd_fnma(n, dvt_vd_set1(DVT_LN2_HIGH_F64), bounded);
    const dvt_vd r = dvt_vd_fnma(n, dvt_vd_set1(DVT_LN2_LOW_F64), first);
    const dvt_vd low = dvt_vd_fnma(n, dvt_vd_set1(DVT_LN2_LOW_F64), dvt_vd_sub(first, r));
    const dvt_vd p = dvt_vd_fma(dvt_vd_mul(r, r), DVT_VD_POLYNOMIAL(r, dvt_exp_f64), low);
    const dvt_vd half_scale = dvt_vd_power_of_two(dvt_vd_sub(n, dvt_vd_set1(1.0)));
    const dvt_vd whole = dvt_vd_sub(half_scale, dvt_vd_set1(0.5));
    const dvt_vd part = dvt_vd_mul(half_scale, r), sum = dvt_vd_add(whole, part);
    const dvt_vd lost = dvt_vd_add(dvt_vd_sub(whole, sum), part);
    const dvt_vd half = dvt_vd_add(sum, dvt_vd_fma(half_scale, p, lost));
    const dvt_vd result = dvt_vd_add(half, half);
    /* x itself where the halving would lose bits, which also keeps -0 */
    return dvt_vd_select(dvt_vd_lt(dvt_vd_abs(x), dvt_vd_set1(0x1p-54)), x, result);
}

/* log(1 + f) as high + low, for sqrt(1/2) <= 1 + f <= sqrt(2). */
DVT_INLINE dvt_vd dvt_vd_log_parts(dvt_vd f, dvt_vd *low) {
    const dvt_vd half = dvt_vd_mul(f, dvt_vd_set1(0.5)), half_square = dvt_vd_mul(half, f);
    const dvt_vd lost = dvt_vd_fma(half, f, dvt_vd_neg(half_square));
    const dvt_vd high = dvt_vd_sub(f, half_square);
    const dvt_vd rest = dvt_vd_sub(dvt_vd_sub(dvt_vd_sub(f, high), half_square), lost);
    const dvt_vd cube = dvt_vd_mul(dvt_vd_mul(f, f), f);
    *low = dvt_vd_fma(cube, DVT_VD_POLYNOMIAL(f, dvt_log_f64), rest);
    return high;
}

/* What every logarithm of `argument` is at 0, at infinity and on the left. */
DVT_INLINE dvt_vd dvt_vd_log_ends(dvt_vd argument, dvt_vd result) {
    const dvt_vd infinity = dvt_vd_set1(__builtin_inf()), zero = dvt_vd_set1(0.0);
    result = dvt_vd_select(dvt_vd_eq(argument, infinity), infinity, result);
    result = dvt_vd_select(dvt_vd_eq(argument, zero), dvt_vd_neg(infinity), result);
    return dvt_vd_select(dvt_vd_ge(argument, zero), result, dvt_vd_set1(__builtin_nan("")));
}

/* n of dvt_vd_split, which takes normal numbers, for all. */
DVT_INLINE dvt_vd dvt_vd_split_any(dvt_vd x, dvt_vd *f) {
    const dvt_vn subnormal = dvt_vd_lt(x, dvt_vd_set1(0x1p-1022));
    const dvt_vd n =
        dvt_vd_split(dvt_vd_select(subnormal, dvt_vd_mul(x, dvt_vd_set1(0x1p54)), x), f);
    return dvt_vd_select(subnormal, dvt_vd_sub(n, dvt_vd_set1(54.0)), n);
}

/* The logarithm to a base: n times that of 2, of which `two` has no more than 40 bits, and the
 * natural one of 1 + f times 1 / log(base), each in two parts. */
DVT_INLINE dvt_vd dvt_vd_log_base(dvt_vd x, double two, double two_low, double by, double by_low) {
    dvt_vd f, low;
    const dvt_vd n = dvt_vd_split_any(x, &f);
    const dvt_vd high = dvt_vd_log_parts(f, &low);
    const dvt_vd product = dvt_vd_mul(high, dvt_vd_set1(by));
    dvt_vd rest = dvt_vd_fma(high, dvt_vd_set1(by), dvt_vd_neg(product));
    rest = dvt_vd_fma(high, dvt_vd_set1(by_low), rest);
    rest = dvt_vd_fma(low, dvt_vd_set1(by), rest);
    rest = dvt_vd_fma(n, dvt_vd_set1(two_low), rest);
    const dvt_vd whole = dvt_vd_mul(n, dvt_vd_set1(two)), sum = dvt_vd_add(whole, product);
    rest = dvt_vd_add(rest, dvt_vd_add(dvt_vd_sub(whole, sum), product));
    return dvt_vd_log_ends(x, dvt_vd_add(sum, rest));
}

DVT_INLINE dvt_vd dvt_vd_log2(dvt_vd x) {
    return dvt_vd_log_base(x, 1.0, 0.0, 0x1.71547652b82fep0, 0x1.777d0ffda0d24p-56);
}

DVT_INLINE dvt_vd dvt_vd_log10(dvt_vd x) {
    return dvt_vd_log_base(x, 0x1.34413509fp-2, 0x1.e7fbcc47c4acdp-40, 0x1.bcb7b1526e50ep-2,
                           0x1.95355baaafad3p-57);
}

/* log(1 + x): what the sum loses is put back into the mantissa. */
DVT_INLINE dvt_vd dvt_vd_log1p(dvt_vd x) {
    const dvt_vd one = dvt_vd_set1(1.0), u = dvt_vd_add(one, x);
    const dvt_vd lost = dvt_vd_select(dvt_vd_gt(x, one), dvt_vd_sub(one, dvt_vd_sub(u, x)),
                                      dvt_vd_sub(x, dvt_vd_sub(u, one)));
    dvt_vd f, low;
    const dvt_vd n = dvt_vd_split(u, &f);
    /* 2^-n; nothing is lost where n is large */
    const dvt_vd power = dvt_vd_max(dvt_vd_set1(-200.0), dvt_vd_neg(n));
    f = dvt_vd_fma(lost, dvt_vd_power_of_two(power), f);
    const dvt_vd high = dvt_vd_log_parts(f, &low);
    const dvt_vd whole = dvt_vd_mul(n, dvt_vd_set1(DVT_LN2_HIGH_F64));
    const dvt_vd sum = dvt_vd_add(whole, high);
    low = dvt_vd_fma(n, dvt_vd_set1(DVT_LN2_LOW_F64), low);
    low = dvt_vd_add(low, dvt_vd_add(dvt_vd_sub(whole, sum), high));
    const dvt_vd result = dvt_vd_log_ends(u, dvt_vd_add(sum, low));
    return dvt_vd_select(dvt_vd_lt(dvt_vd_abs(x), dvt_vd_set1(0x1p-54)), x, result);
}

/* (E + E / (E + 1)) / 2 with E = e^|x| - 1; beyond 709, where that has no number, by the square of
 * e^(|x|/2). */
DVT_INLINE dvt_vd dvt_vd_sinh(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x), limit = dvt_vd_set1(709.0), half = dvt_vd_set1(0.5);
    const dvt_vd e = dvt_vd_expm1(dvt_vd_min(limit, size));
    dvt_vd result = dvt_vd_mul(half, dvt_vd_add(e, dvt_vd_div(e, dvt_vd_add(e, dvt_vd_set1(1.0)))));
    if (__builtin_expect(dvt_vn_any(dvt_vd_gt(size, limit)), 0)) {
        const dvt_vd root = dvt_vd_exp(dvt_vd_mul(half, size));
        result =
            dvt_vd_select(dvt_vd_gt(size, limit), dvt_vd_mul(dvt_vd_mul(half, root), root), result);
    }
    return dvt_vd_copysign(result, x);
}

DVT_INLINE dvt_vd dvt_vd_cosh(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x), limit = dvt_vd_set1(709.0), half = dvt_vd_set1(0.5);
    const dvt_vd e = dvt_vd_exp(dvt_vd_min(limit, size));
    dvt_vd result = dvt_vd_fma(half, e, dvt_vd_div(half, e));
    if (__builtin_expect(dvt_vn_any(dvt_vd_gt(size, limit)), 0)) {
        const dvt_vd root = dvt_vd_exp(dvt_vd_mul(half, size));
        result =
            dvt_vd_select(dvt_vd_gt(size, limit), dvt_vd_mul(dvt_vd_mul(half, root), root), result);
    }
    return result;
}

/* log1p(a + a^2 / (1 + sqrt(1 + a^2))), a = |x|; beyond 2^28 log(2 a). */
DVT_INLINE dvt_vd dvt_vd_asinh(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x), one = dvt_vd_set1(1.0);
    const dvt_vn large = dvt_vd_gt(size, dvt_vd_set1(0x1p28));
    const dvt_vd a = dvt_vd_select(large, one, size), square = dvt_vd_mul(a, a);
    const dvt_vd root = dvt_vd_sqrt(dvt_vd_add(one, square));
    dvt_vd result = dvt_vd_log1p(dvt_vd_add(a, dvt_vd_div(square, dvt_vd_add(one, root))));
    if (__builtin_expect(dvt_vn_any(large), 0))
        result = dvt_vd_select(
            large, dvt_vd_add(dvt_vd_log(size), dvt_vd_set1(0x1.62e42fefa39efp-1)), result);
    result = dvt_vd_select(dvt_vd_ne(x, x), x, result);
    return dvt_vd_copysign(result, x);
}

/* log1p(t + sqrt(2 t + t^2)), t = x - 1; beyond 2^28 log(2 x). */
DVT_INLINE dvt_vd dvt_vd_acosh(dvt_vd x) {
    const dvt_vd one = dvt_vd_set1(1.0);
    const dvt_vn large = dvt_vd_gt(x, dvt_vd_set1(0x1p28));
    const dvt_vd t = dvt_vd_sub(dvt_vd_select(large, one, x), one);
    const dvt_vd root = dvt_vd_sqrt(dvt_vd_fma(t, t, dvt_vd_add(t, t)));
    dvt_vd result = dvt_vd_log1p(dvt_vd_add(t, root));
    if (__builtin_expect(dvt_vn_any(large), 0))
        result = dvt_vd_select(large, dvt_vd_add(dvt_vd_log(x), dvt_vd_set1(0x1.62e42fefa39efp-1)),
                               result);
    return dvt_vd_select(dvt_vd_ge(x, one), result, dvt_vd_set1(__builtin_nan("")));
}

/* log1p(2 a / (1 - a)) / 2, a = |x|, with the quotient as 2 a + 2 a^2 / (1 - a). */
DVT_INLINE dvt_vd dvt_vd_atanh(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x), one = dvt_vd_set1(1.0), twice = dvt_vd_add(size, size);
    const dvt_vd quotient = dvt_vd_div(dvt_vd_mul(twice, size), dvt_vd_sub(one, size));
    dvt_vd result = dvt_vd_mul(dvt_vd_set1(0.5), dvt_vd_log1p(dvt_vd_add(twice, quotient)));
    result = dvt_vd_select(dvt_vd_le(size, one), result, dvt_vd_set1(__builtin_nan("")));
    return dvt_vd_copysign(result, x);
}

/* |x| = 8^k m with m from 1/3 to 3: a polynomial, a step of Halley's method, and one of Newton's with
 * the exact remainder. */
DVT_INLINE dvt_vd dvt_vd_cbrt(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x);
    dvt_vd f;
    const dvt_vd n = dvt_vd_split_any(size, &f);
    const dvt_vd k = dvt_vd_round(dvt_vd_mul(n, dvt_vd_set1(1.0 / 3)));
    const dvt_vd left = dvt_vd_fnma(k, dvt_vd_set1(3.0), n); /* -1, 0 or 1 */
    const dvt_vd one = dvt_vd_set1(1.0), zero = dvt_vd_set1(0.0);
    const dvt_vd scale = dvt_vd_power_of_two(left), m = dvt_vd_mul(dvt_vd_add(f, one), scale);
    const dvt_vd root =
        dvt_vd_select(dvt_vd_lt(left, zero), dvt_vd_set1(0x1.965fea53d6e3dp-1),
                      dvt_vd_select(dvt_vd_gt(left, zero), dvt_vd_set1(0x1.428a2f98d728bp0), one));
    dvt_vd y = dvt_vd_mul(root, DVT_VD_POLYNOMIAL(f, dvt_cbrt_f64));
    const dvt_vd cube = dvt_vd_mul(dvt_vd_mul(y, y), y), two = dvt_vd_set1(2.0);
    y = dvt_vd_mul(y, dvt_vd_div(dvt_vd_fma(two, m, cube), dvt_vd_fma(two, cube, m)));
    const dvt_vd square = dvt_vd_mul(y, y), lost = dvt_vd_fma(y, y, dvt_vd_neg(square));
    const dvt_vd rest = dvt_vd_fnma(lost, y, dvt_vd_fnma(square, y, m));
    y = dvt_vd_add(y, dvt_vd_div(rest, dvt_vd_mul(dvt_vd_set1(3.0), square)));
    const dvt_vd result = dvt_vd_mul(y, dvt_vd_power_of_two(k));
    const dvt_vn finite = dvt_vd_lt(size, dvt_vd_set1(__builtin_inf()));
    return dvt_vd_copysign(
        dvt_vd_select(finite, dvt_vd_select(dvt_vd_eq(size, zero), size, result), size), x);
}

#endif
