/* Sine, cosine, tangent and the inverses over vectors of float64, for the builds whose fma rounds
 * once: at most 2 ulp, special values included. */
#ifndef DVT_CPU_VEC_MATH_F64_TRIG_H
#define DVT_CPU_VEC_MATH_F64_TRIG_H

#include <math.h>

#include "vec_math_f64.h"

/* Up to here a quotient by pi/2 has 20 bits, and times parts of 33 bits it is exact. */
#define DVT_TRIG_LIMIT_F64 0x1p20

typedef struct dvt_vd_waves {
    dvt_vd sine, cosine; /* of x less n pi/2 */
    dvt_vd n;
    dvt_vn rare; /* lanes that need more digits of pi than there are */
} dvt_vd_waves;

DVT_INLINE dvt_vd_waves dvt_vd_sin_cos(dvt_vd x) {
    dvt_vd_waves w;
    w.n = dvt_vd_round(dvt_vd_mul(x, dvt_vd_set1(0x1.45f306dc9c883p-1)));
    /* x - n pi/2 as r + low, pi/2 in parts of 33, 33 and 53 bits */
    const dvt_vd first = dvt_vd_fnma(w.n, dvt_vd_set1(0x1.921fb544p0), x);
    const dvt_vd part = dvt_vd_mul(w.n, dvt_vd_set1(0x1.0b4611a6p-34));
    const dvt_vd second = dvt_vd_sub(first, part);
    const dvt_vd lost = dvt_vd_sub(dvt_vd_sub(first, second), part);
    const dvt_vd third = dvt_vd_fnma(w.n, dvt_vd_set1(0x1.3198a2e037073p-69), lost);
    const dvt_vd r = dvt_vd_add(second, third);
    const dvt_vd low = dvt_vd_add(dvt_vd_sub(second, r), third);
    const dvt_vd t = dvt_vd_mul(r, r), one = dvt_vd_set1(1.0);
    const dvt_vd sine = dvt_vd_mul(dvt_vd_mul(r, t), DVT_VD_POLYNOMIAL(t, dvt_sin_f64));
    /* sin(r + low) = sin(r) + low cos(r) */
    const dvt_vd half = dvt_vd_mul(t, dvt_vd_set1(0.5));
    w.sine = dvt_vd_add(r, dvt_vd_add(sine, dvt_vd_fnma(half, low, low)));
    const dvt_vd top = dvt_vd_sub(one, half);
    const dvt_vd rest = dvt_vd_fnma(r, low, dvt_vd_sub(dvt_vd_sub(one, top), half));
    w.cosine =
        dvt_vd_add(top, dvt_vd_fma(dvt_vd_mul(t, t), DVT_VD_POLYNOMIAL(t, dvt_cos_f64), rest));
    const dvt_vd size = dvt_vd_abs(x);
    const dvt_vn near = dvt_vd_lt(dvt_vd_abs(r), dvt_vd_set1(0x1p-30));
    /* far away, or nearer to a multiple of pi/2 than an x of some size may come */
    const dvt_vd weight = dvt_vd_select(near, dvt_vd_set1(0x1p15), one);
    w.rare = dvt_vd_gt(dvt_vd_mul(size, weight), dvt_vd_set1(DVT_TRIG_LIMIT_F64));
    return w;
}

/* -1 where bit 1 of n + quarters is set, else 1. */
DVT_INLINE dvt_vd dvt_vd_turned(dvt_vd n, double quarters) {
    const dvt_vl bits = dvt_vd_as_l(dvt_vd_add(n, dvt_vd_set1(0x1.8p52 + quarters)));
    const dvt_vl sign = dvt_vl_shl(dvt_vl_and(bits, dvt_vl_set1(2)), 62);
    return dvt_vl_as_d(dvt_vl_or(sign, dvt_vd_as_l(dvt_vd_set1(1.0))));
}

DVT_INLINE dvt_vn dvt_vd_is_odd(dvt_vd n) {
    const dvt_vd half = dvt_vd_mul(n, dvt_vd_set1(0.5));
    return dvt_vd_ne(dvt_vd_round(half), half);
}

/* The C library, which reduces arguments of any size, for the lanes that need it. */
static __attribute__((noinline, unused)) dvt_vd dvt_vd_by_library(dvt_vd x, dvt_vd result,
                                                                  dvt_vn rare,
                                                                  double (*function)(double)) {
    double in[DVT_VD_LANES], out[DVT_VD_LANES], is_rare[DVT_VD_LANES];
    dvt_vd_store(in, x);
    dvt_vd_store(out, result);
    dvt_vd_store(is_rare, dvt_vd_select(rare, dvt_vd_set1(1.0), dvt_vd_set1(0.0)));
    for (int i = 0; i < DVT_VD_LANES; i++) {
        if (is_rare[i] != 0) out[i] = function(in[i]);
    }
    return dvt_vd_load(out);
}

DVT_INLINE dvt_vd dvt_vd_sin(dvt_vd x) {
    const dvt_vd_waves w = dvt_vd_sin_cos(x);
    const dvt_vd value = dvt_vd_select(dvt_vd_is_odd(w.n), w.cosine, w.sine);
    dvt_vd result = dvt_vd_mul(value, dvt_vd_turned(w.n, 0));
    /* x itself where it is the nearest number, which also keeps -0 */
    result = dvt_vd_select(dvt_vd_lt(dvt_vd_abs(x), dvt_vd_set1(0x1p-27)), x, result);
    if (__builtin_expect(dvt_vn_any(w.rare), 0)) result = dvt_vd_by_library(x, result, w.rare, sin);
    return result;
}

DVT_INLINE dvt_vd dvt_vd_cos(dvt_vd x) {
    const dvt_vd_waves w = dvt_vd_sin_cos(x);
    const dvt_vd value = dvt_vd_select(dvt_vd_is_odd(w.n), w.sine, w.cosine);
    dvt_vd result = dvt_vd_mul(value, dvt_vd_turned(w.n, 1));
    if (__builtin_expect(dvt_vn_any(w.rare), 0)) result = dvt_vd_by_library(x, result, w.rare, cos);
    return result;
}

DVT_INLINE dvt_vd dvt_vd_tan(dvt_vd x) {
    const dvt_vd_waves w = dvt_vd_sin_cos(x);
    const dvt_vn odd = dvt_vd_is_odd(w.n);
    const dvt_vd above = dvt_vd_select(odd, dvt_vd_neg(w.cosine), w.sine);
    const dvt_vd below = dvt_vd_select(odd, w.sine, w.cosine);
    dvt_vd result = dvt_vd_div(above, below);
    result = dvt_vd_select(dvt_vd_lt(dvt_vd_abs(x), dvt_vd_set1(0x1p-27)), x, result);
    if (__builtin_expect(dvt_vn_any(w.rare), 0)) result = dvt_vd_by_library(x, result, w.rare, tan);
    return result;
}

/* The angle is 0, pi/4 or pi/2 and what is left, of which the tangent is at most tan(pi/8). */
DVT_INLINE dvt_vd dvt_vd_atan(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x), one = dvt_vd_set1(1.0), zero = dvt_vd_set1(0.0);
    const dvt_vn far = dvt_vd_gt(size, dvt_vd_set1(2.41421356237309505));
    const dvt_vn middle = dvt_vd_gt(size, dvt_vd_set1(0.41421356237309505));
    const dvt_vd above =
        dvt_vd_select(far, dvt_vd_set1(-1.0), dvt_vd_select(middle, dvt_vd_sub(size, one), size));
    const dvt_vd below =
        dvt_vd_select(far, size, dvt_vd_select(middle, dvt_vd_add(size, one), one));
    const dvt_vd u = dvt_vd_div(above, below), t = dvt_vd_mul(u, u);
    const dvt_vd start =
        dvt_vd_select(far, dvt_vd_set1(0x1.921fb54442d18p0),
                      dvt_vd_select(middle, dvt_vd_set1(0x1.921fb54442d18p-1), zero));
    const dvt_vd start_low =
        dvt_vd_select(far, dvt_vd_set1(0x1.1a62633145c07p-54),
                      dvt_vd_select(middle, dvt_vd_set1(0x1.1a62633145c07p-55), zero));
    const dvt_vd rest = dvt_vd_fma(dvt_vd_mul(u, t), DVT_VD_POLYNOMIAL(t, dvt_atan_f64), start_low);
    const dvt_vd result = dvt_vd_add(start, dvt_vd_add(u, rest));
    return dvt_vd_copysign(result, x);
}

/* asin of s for |s| <= 1/2 without its first term. */
DVT_INLINE dvt_vd dvt_vd_asin_rest(dvt_vd s, dvt_vd t) {
    return dvt_vd_mul(dvt_vd_mul(s, t), DVT_VD_POLYNOMIAL(t, dvt_asin_f64));
}

/* The root of t and what it lacks: (t - s^2) / 2s. */
DVT_INLINE dvt_vd dvt_vd_root_parts(dvt_vd t, dvt_vd *low) {
    const dvt_vd s = dvt_vd_sqrt(t), zero = dvt_vd_set1(0.0);
    const dvt_vd lost = dvt_vd_div(dvt_vd_fnma(s, s, t), dvt_vd_add(s, s));
    *low = dvt_vd_select(dvt_vd_eq(s, zero), zero, lost);
    return s;
}

/* From 1/2 on pi/2 - 2 asin(sqrt((1 - |x|) / 2)). */
DVT_INLINE dvt_vd dvt_vd_asin(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x), half = dvt_vd_set1(0.5);
    const dvt_vn far = dvt_vd_gt(size, half);
    const dvt_vd square = dvt_vd_mul(size, size);
    const dvt_vd t = dvt_vd_select(far, dvt_vd_fnma(half, size, half), square);
    dvt_vd low;
    const dvt_vd root = dvt_vd_root_parts(t, &low), s = dvt_vd_select(far, root, size);
    const dvt_vd rest = dvt_vd_asin_rest(s, t);
    const dvt_vd two = dvt_vd_set1(2.0);
    /* pi/2 - 2 (s + low + rest) */
    const dvt_vd far_rest =
        dvt_vd_fnma(two, dvt_vd_add(low, rest), dvt_vd_set1(0x1.1a62633145c07p-54));
    const dvt_vd quarter = dvt_vd_set1(0x1.921fb54442d18p0), twice = dvt_vd_mul(two, s);
    const dvt_vd first = dvt_vd_sub(quarter, twice);
    const dvt_vd lost = dvt_vd_sub(dvt_vd_sub(quarter, first), twice);
    const dvt_vd far_value = dvt_vd_add(first, dvt_vd_add(lost, far_rest));
    const dvt_vd result = dvt_vd_select(far, far_value, dvt_vd_add(s, rest));
    return dvt_vd_copysign(result, x);
}

/* pi/2 - asin(x), or from 1/2 on 2 asin(sqrt((1 - |x|) / 2)), which is taken from pi on the left. */
DVT_INLINE dvt_vd dvt_vd_acos(dvt_vd x) {
    const dvt_vd size = dvt_vd_abs(x), half = dvt_vd_set1(0.5), zero = dvt_vd_set1(0.0);
    const dvt_vn far = dvt_vd_gt(size, half), left = dvt_vd_lt(x, zero);
    const dvt_vd t = dvt_vd_select(far, dvt_vd_fnma(half, size, half), dvt_vd_mul(x, x));
    dvt_vd low;
    const dvt_vd root = dvt_vd_root_parts(t, &low), s = dvt_vd_select(far, root, x);
    const dvt_vd rest = dvt_vd_asin_rest(s, t);
    const dvt_vd two = dvt_vd_set1(2.0);
    const dvt_vd angle = dvt_vd_mul(two, s);
    const dvt_vd angle_rest = dvt_vd_mul(two, dvt_vd_add(low, rest));
    /* start - first - more: pi/2 - s - rest, or pi - angle - angle_rest */
    const dvt_vd start =
        dvt_vd_select(far, dvt_vd_set1(0x1.921fb54442d18p1), dvt_vd_set1(0x1.921fb54442d18p0));
    const dvt_vd start_low =
        dvt_vd_select(far, dvt_vd_set1(0x1.1a62633145c07p-53), dvt_vd_set1(0x1.1a62633145c07p-54));
    const dvt_vd first = dvt_vd_select(far, angle, s);
    const dvt_vd more = dvt_vd_select(far, angle_rest, rest);
    const dvt_vd sum = dvt_vd_sub(start, first);
    const dvt_vd lost = dvt_vd_sub(dvt_vd_sub(start, sum), first);
    const dvt_vd taken = dvt_vd_add(sum, dvt_vd_add(lost, dvt_vd_sub(start_low, more)));
    const dvt_vd right = dvt_vd_select(left, taken, dvt_vd_add(angle, angle_rest));
    return dvt_vd_select(far, right, taken);
}

#endif
