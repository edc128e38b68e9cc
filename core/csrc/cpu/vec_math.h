/* exp, log and their kin over vectors of float32, at most 2 ulp over the whole range, special values
 * included. The forms are the textbook ones (Cody and Waite's reduction of the argument, a minimax
 * polynomial on what is left); the coefficients come from coefficients.py. */
#ifndef DVT_CPU_VEC_MATH_H
#define DVT_CPU_VEC_MATH_H

#include "vec.h"
#include "vec_coefficients.h"
#include "vec_math_f64.h"
#include "vec_math_trig.h"

#define DVT_LOG2E 1.44269504088896341f
/* log(2) in two parts, the first with 12 zero bits at its end: n * high is exact for |n| < 2^12. */
#define DVT_LN2_HIGH 0x1.62ep-1f
#define DVT_LN2_LOW 0x1.0bfbe8p-15f

/* 2^n for -126 <= n <= 127. */
DVT_INLINE dvt_vf dvt_vf_power_of_two(dvt_vi n) {
    return dvt_vi_as_f(dvt_vi_shl(dvt_vi_add(n, dvt_vi_set1(127)), 23));
}

/* x = n log(2) + r with |r| <= log(2)/2. Gives n; x must be of moderate size. */
DVT_INLINE dvt_vi dvt_vf_reduce_ln2(dvt_vf x, dvt_vf *r) {
    const dvt_vf n = dvt_vf_round(dvt_vf_mul(x, dvt_vf_set1(DVT_LOG2E)));
    *r = dvt_vf_fnma(n, dvt_vf_set1(DVT_LN2_LOW), dvt_vf_fnma(n, dvt_vf_set1(DVT_LN2_HIGH), x));
    return dvt_vf_to_i(n);
}

/* e^x. */
DVT_INLINE dvt_vf dvt_vf_exp(dvt_vf x) {
    /* Beyond these e^x is 0 and infinity; the bound comes first, so that a NaN goes through. */
    const dvt_vf bounded = dvt_vf_max(dvt_vf_set1(-104.0f), dvt_vf_min(dvt_vf_set1(89.0f), x));
    dvt_vf r;
    const dvt_vi n = dvt_vf_reduce_ln2(bounded, &r);
    const dvt_vf p = DVT_VF_POLYNOMIAL(r, dvt_exp_f32);
    const dvt_vf e = dvt_vf_add(dvt_vf_set1(1.0f), dvt_vf_fma(dvt_vf_mul(r, r), p, r));
    /* In two steps: n may be beyond the exponents of normal numbers. */
    const dvt_vi half = dvt_vi_shr(n, 1);
    return dvt_vf_mul(dvt_vf_mul(e, dvt_vf_power_of_two(half)),
                      dvt_vf_power_of_two(dvt_vi_sub(n, half)));
}

/* e^x for |x| <= 87, where one scaling is enough. */
DVT_INLINE dvt_vf dvt_vf_exp_moderate(dvt_vf x) {
    dvt_vf r;
    const dvt_vi n = dvt_vf_reduce_ln2(x, &r);
    const dvt_vf p = DVT_VF_POLYNOMIAL(r, dvt_exp_f32);
    const dvt_vf e = dvt_vf_add(dvt_vf_set1(1.0f), dvt_vf_fma(dvt_vf_mul(r, r), p, r));
    return dvt_vf_mul(e, dvt_vf_power_of_two(n));
}

/* e^x for x <= 0, and 0 below -87, where it is less than the smallest normal number: two thirds of the
 * instructions of dvt_vf_exp. Adding 1.5 * 2^23 rounds to a whole number and leaves it in the low bits, which
 * are then added to the exponent. */
DVT_INLINE dvt_vf dvt_vf_exp_falling(dvt_vf x) {
    const dvt_vf magic = dvt_vf_set1(0x1.8p23f), least = dvt_vf_set1(-87.0f);
    const dvt_vf bounded = dvt_vf_max(least, x);
    const dvt_vf moved = dvt_vf_fma(bounded, dvt_vf_set1(DVT_LOG2E), magic);
    const dvt_vf n = dvt_vf_sub(moved, magic);
    const dvt_vf r = dvt_vf_fnma(n, dvt_vf_set1(DVT_LN2_LOW),
                                 dvt_vf_fnma(n, dvt_vf_set1(DVT_LN2_HIGH), bounded));
    const dvt_vf p = DVT_VF_POLYNOMIAL(r, dvt_exp_f32);
    const dvt_vf e = dvt_vf_add(dvt_vf_set1(1.0f), dvt_vf_fma(dvt_vf_mul(r, r), p, r));
    const dvt_vi scaled = dvt_vi_add(dvt_vf_as_i(e), dvt_vi_shl(dvt_vf_as_i(moved), 23));
    /* a NaN is not below, and was kept by max */
    return dvt_vf_select(dvt_vf_lt(x, least), dvt_vf_set1(0.0f), dvt_vi_as_f(scaled));
}

/* e^x - 1: 2^n (e^r - 1) + (2^n - 1), at half the size, so that 2^128 is not needed. */
DVT_INLINE dvt_vf dvt_vf_expm1(dvt_vf x) {
    const dvt_vf bounded = dvt_vf_max(dvt_vf_set1(-20.0f), dvt_vf_min(dvt_vf_set1(89.0f), x));
    dvt_vf r;
    const dvt_vi n = dvt_vf_reduce_ln2(bounded, &r);
    const dvt_vf p = DVT_VF_POLYNOMIAL(r, dvt_exp_f32);
    const dvt_vf e = dvt_vf_fma(dvt_vf_mul(r, r), p, r);
    const dvt_vf half_scale = dvt_vf_power_of_two(dvt_vi_sub(n, dvt_vi_set1(1)));
    const dvt_vf half = dvt_vf_fma(e, half_scale, dvt_vf_sub(half_scale, dvt_vf_set1(0.5f)));
    const dvt_vf result = dvt_vf_add(half, half);
    /* x itself where the halving would lose bits, which also keeps -0 */
    return dvt_vf_select(dvt_vf_lt(dvt_vf_abs(x), dvt_vf_set1(0x1p-25f)), x, result);
}

/* log(2^n (1 + f)) */
DVT_INLINE dvt_vf dvt_vf_log_join(dvt_vf n, dvt_vf f) {
    const dvt_vf square = dvt_vf_mul(f, f);
    const dvt_vf p = DVT_VF_POLYNOMIAL(f, dvt_log_f32);
    const dvt_vf low =
        dvt_vf_fma(dvt_vf_mul(f, square), p, dvt_vf_mul(n, dvt_vf_set1(DVT_LN2_LOW)));
    const dvt_vf rest = dvt_vf_sub(f, dvt_vf_sub(dvt_vf_mul(square, dvt_vf_set1(0.5f)), low));
    return dvt_vf_fma(n, dvt_vf_set1(DVT_LN2_HIGH), rest);
}

/* x = 2^n m with sqrt(1/2) <= m < sqrt(2), for a normal x > 0. Gives n. */
DVT_INLINE dvt_vi dvt_vf_split(dvt_vf x, dvt_vf *m) {
    const dvt_vi bits = dvt_vf_as_i(x);
    const dvt_vi n = dvt_vi_shr(dvt_vi_sub(bits, dvt_vi_set1(0x3f3504f3)), 23);
    *m = dvt_vi_as_f(dvt_vi_sub(bits, dvt_vi_shl(n, 23)));
    return n;
}

/* What every logarithm of `argument` is at 0, at infinity and on the left. */
DVT_INLINE dvt_vf dvt_vf_log_ends(dvt_vf argument, dvt_vf result) {
    const dvt_vf infinity = dvt_vf_set1(__builtin_inff()), zero = dvt_vf_set1(0.0f);
    result = dvt_vf_select(dvt_vf_eq(argument, infinity), infinity, result);
    result = dvt_vf_select(dvt_vf_eq(argument, zero), dvt_vf_neg(infinity), result);
    return dvt_vf_select(dvt_vf_ge(argument, zero), result, dvt_vf_set1(__builtin_nanf("")));
}

/* The natural logarithm. */
DVT_INLINE dvt_vf dvt_vf_log(dvt_vf x) {
    const dvt_vm subnormal = dvt_vf_lt(x, dvt_vf_set1(0x1p-126f));
    const dvt_vf scaled = dvt_vf_select(subnormal, dvt_vf_mul(x, dvt_vf_set1(0x1p23f)), x);
    const dvt_vf shift = dvt_vf_select(subnormal, dvt_vf_set1(23.0f), dvt_vf_set1(0.0f));
    dvt_vf m;
    const dvt_vf n = dvt_vf_sub(dvt_vi_to_f(dvt_vf_split(scaled, &m)), shift);
    return dvt_vf_log_ends(x, dvt_vf_log_join(n, dvt_vf_sub(m, dvt_vf_set1(1.0f))));
}

/* log(1 + x): what the sum loses is put back into the mantissa. */
DVT_INLINE dvt_vf dvt_vf_log1p(dvt_vf x) {
    const dvt_vf one = dvt_vf_set1(1.0f), u = dvt_vf_add(one, x);
    const dvt_vf lost = dvt_vf_select(dvt_vf_gt(x, one), dvt_vf_sub(one, dvt_vf_sub(u, x)),
                                      dvt_vf_sub(x, dvt_vf_sub(u, one)));
    dvt_vf m;
    const dvt_vf n = dvt_vi_to_f(dvt_vf_split(u, &m));
    /* 2^-n; nothing is lost where n is large */
    const dvt_vf power = dvt_vf_max(dvt_vf_set1(-100.0f), dvt_vf_neg(n));
    const dvt_vf scale = dvt_vf_power_of_two(dvt_vf_to_i(power));
    const dvt_vf f = dvt_vf_fma(lost, scale, dvt_vf_sub(m, one));
    const dvt_vf result = dvt_vf_log_ends(u, dvt_vf_log_join(n, f));
    return dvt_vf_select(dvt_vf_lt(dvt_vf_abs(x), dvt_vf_set1(0x1p-25f)), x, result);
}

/* log(1 + x) for 0 <= x <= 1, without the ends. */
DVT_INLINE dvt_vf dvt_vf_log1p_unit(dvt_vf x) {
    const dvt_vf one = dvt_vf_set1(1.0f), u = dvt_vf_add(one, x);
    const dvt_vf lost = dvt_vf_sub(x, dvt_vf_sub(u, one));
    /* u is at most 2: halved from sqrt(2) on */
    const dvt_vm large = dvt_vf_gt(u, dvt_vf_set1(1.41421356f));
    const dvt_vf scale = dvt_vf_select(large, dvt_vf_set1(0.5f), one);
    const dvt_vf n = dvt_vf_select(large, one, dvt_vf_set1(0.0f));
    return dvt_vf_log_join(n, dvt_vf_fma(lost, scale, dvt_vf_sub(dvt_vf_mul(u, scale), one)));
}

DVT_INLINE dvt_vf dvt_vf_tanh(dvt_vf x) {
    const dvt_vf size = dvt_vf_abs(x), one = dvt_vf_set1(1.0f);
    const dvt_vf square = dvt_vf_mul(x, x);
    const dvt_vf near =
        dvt_vf_fma(dvt_vf_mul(x, square), DVT_VF_POLYNOMIAL(square, dvt_tanh_f32), x);
    const dvt_vf bounded = dvt_vf_min(dvt_vf_set1(10.0f), size);
    const dvt_vf e = dvt_vf_exp_moderate(dvt_vf_add(bounded, bounded));
    const dvt_vf far = dvt_vf_sub(one, dvt_vf_div(dvt_vf_set1(2.0f), dvt_vf_add(e, one)));
    const dvt_vf result = dvt_vf_select(dvt_vf_lt(size, dvt_vf_set1(0.625f)), near, far);
    return dvt_vf_copysign(result, x); /* of near too: -0 must stay */
}

/* 1 / (1 + e^-x), without overflow on the left. What the two sums 1 + e and 1 + q (where e is
 * 2^n (1 + q)) lose is put back at the end: without it the error reaches 2.3 ulp. */
DVT_INLINE dvt_vf dvt_vf_sigmoid(dvt_vf x) {
    const dvt_vf one = dvt_vf_set1(1.0f), zero = dvt_vf_set1(0.0f);
    const dvt_vf bounded = dvt_vf_max(dvt_vf_set1(-104.0f), dvt_vf_neg(dvt_vf_abs(x)));
    dvt_vf r;
    const dvt_vi n = dvt_vf_reduce_ln2(bounded, &r);
    const dvt_vf q = dvt_vf_fma(dvt_vf_mul(r, r), DVT_VF_POLYNOMIAL(r, dvt_exp_f32), r);
    const dvt_vf sum = dvt_vf_add(one, q);
    const dvt_vf lost = dvt_vf_sub(q, dvt_vf_sub(sum, one));
    const dvt_vi half = dvt_vi_shr(n, 1);
    const dvt_vf scale = dvt_vf_power_of_two(half);
    const dvt_vf rest = dvt_vf_power_of_two(dvt_vi_sub(n, half));
    const dvt_vf e = dvt_vf_mul(dvt_vf_mul(sum, scale), rest);
    const dvt_vf e_lost = dvt_vf_mul(dvt_vf_mul(lost, scale), rest);
    const dvt_vf below = dvt_vf_add(one, e);
    const dvt_vf below_lost = dvt_vf_add(dvt_vf_sub(e, dvt_vf_sub(below, one)), e_lost);
    const dvt_vm left = dvt_vf_lt(x, zero);
    const dvt_vf result = dvt_vf_div(dvt_vf_select(left, e, one), below);
    const dvt_vf inverse = dvt_vf_select(left, dvt_vf_sub(one, result), result); /* of below */
    const dvt_vf above_lost = dvt_vf_select(left, e_lost, zero);
    return dvt_vf_fma(inverse, dvt_vf_fnma(result, below_lost, above_lost), result);
}

/* The error function. */
DVT_INLINE dvt_vf dvt_vf_erf(dvt_vf x) {
    const dvt_vf size = dvt_vf_abs(x), one = dvt_vf_set1(1.0f);
    const dvt_vf square = dvt_vf_mul(x, x);
    const dvt_vf near = dvt_vf_fma(x, DVT_VF_POLYNOMIAL(square, dvt_erf_near_f32), x);
    const dvt_vf bounded = dvt_vf_min(dvt_vf_set1(4.0f), size);
    const dvt_vf q = DVT_VF_POLYNOMIAL(bounded, dvt_erf_far_f32);
    const dvt_vf far = dvt_vf_sub(one, dvt_vf_exp_moderate(dvt_vf_neg(q)));
    return dvt_vf_select(dvt_vf_lt(size, one), near, dvt_vf_copysign(far, x));
}

/* The inverse of erf: in v = -log(1 - x^2), of which an error matters little, after Giles,
 * "Approximating the erfinv function" (2010); in the tails the square root of v is nearly it. */
DVT_INLINE dvt_vf dvt_vf_erfinv(dvt_vf x) {
    const dvt_vf size = dvt_vf_abs(x), one = dvt_vf_set1(1.0f);
#if DVT_VF_FUSED
    const dvt_vf left = dvt_vf_fnma(size, size, one);
#else
    const dvt_vf left = dvt_vf_mul(dvt_vf_sub(one, size), dvt_vf_add(one, size));
#endif
    const dvt_vf v = dvt_vf_neg(dvt_vf_log(left)), w = dvt_vf_sqrt(v);
    const dvt_vf p = DVT_VF_POLYNOMIAL(dvt_vf_sub(v, dvt_vf_set1(1.0f)), dvt_erfinv_near_f32);
    const dvt_vf q = DVT_VF_POLYNOMIAL(dvt_vf_sub(w, dvt_vf_set1(3.0f)), dvt_erfinv_far_f32);
    dvt_vf result = dvt_vf_select(dvt_vf_lt(v, dvt_vf_set1(5.0f)), dvt_vf_fma(size, p, size),
                                  dvt_vf_fma(w, q, w));
    result = dvt_vf_select(dvt_vf_eq(size, one), dvt_vf_set1(__builtin_inff()), result);
    return dvt_vf_copysign(result, x);
}

#endif
