/* sin, cos and power over vectors of float32, through float64 where float32 has too few bits. */
#ifndef DVT_CPU_VEC_MATH_TRIG_H
#define DVT_CPU_VEC_MATH_TRIG_H

#include <math.h>

#include "vec.h"
#include "vec_coefficients.h"
#include "vec_math_f64.h"

/* Up to here n fits in 20 bits, and n times the first part of pi/2 is exact. */
#define DVT_TRIG_LIMIT 0x1p20f
#define DVT_TWO_OVER_PI 0x1.45f306dc9c883p-1
#define DVT_PI_OVER_2_HIGH 0x1.921fb544p0 /* 33 bits */
#define DVT_PI_OVER_2_LOW 0x1.0b4611a626331p-34

/* x = n pi/2 + r, |r| <= pi/4, in float64. */
DVT_INLINE dvt_vd dvt_vd_reduce_pi(dvt_vd x, dvt_vd *r) {
    const dvt_vd n = dvt_vd_round(dvt_vd_mul(x, dvt_vd_set1(DVT_TWO_OVER_PI)));
    *r = dvt_vd_fnma(n, dvt_vd_set1(DVT_PI_OVER_2_LOW),
                     dvt_vd_fnma(n, dvt_vd_set1(DVT_PI_OVER_2_HIGH), x));
    return n;
}

/* sin(x + quarters * pi/2), quarters 0 or 1, for |x| <= DVT_TRIG_LIMIT. */
DVT_INLINE dvt_vf dvt_vf_sin_bounded(dvt_vf x, int32_t quarters) {
    dvt_vd low, high;
    const dvt_vd n_low = dvt_vd_reduce_pi(dvt_vf_low_d(x), &low);
    const dvt_vd n_high = dvt_vd_reduce_pi(dvt_vf_high_d(x), &high);
    const dvt_vf r = dvt_vf_from_d(low, high), t = dvt_vf_mul(r, r);
    const dvt_vi n = dvt_vi_add(dvt_vf_to_i(dvt_vf_from_d(n_low, n_high)), dvt_vi_set1(quarters));
    const dvt_vf sine = dvt_vf_fma(dvt_vf_mul(r, t), DVT_VF_POLYNOMIAL(t, dvt_sin_f32), r);
    const dvt_vf square = dvt_vf_mul(t, t);
    const dvt_vf cosine = dvt_vf_fma(square, DVT_VF_POLYNOMIAL(t, dvt_cos_f32),
                                     dvt_vf_fnma(t, dvt_vf_set1(0.5f), dvt_vf_set1(1.0f)));
    const dvt_vm odd = dvt_vi_eq(dvt_vi_and(n, dvt_vi_set1(1)), dvt_vi_set1(1));
    const dvt_vi sign = dvt_vi_shl(dvt_vi_and(n, dvt_vi_set1(2)), 30);
    return dvt_vi_as_f(dvt_vi_xor(dvt_vf_as_i(dvt_vf_select(odd, cosine, sine)), sign));
}

/* The C library reduces arguments of any size; such large ones are rare. */
static __attribute__((noinline, unused)) dvt_vf dvt_vf_sin_large(dvt_vf x, dvt_vf result,
                                                                 int32_t quarters) {
    float in[DVT_VF_LANES], out[DVT_VF_LANES];
    dvt_vf_store(in, x);
    dvt_vf_store(out, result);
    for (int i = 0; i < DVT_VF_LANES; i++) {
        if (fabsf(in[i]) > DVT_TRIG_LIMIT)
            out[i] = (float)(quarters ? cos((double)in[i]) : sin((double)in[i]));
    }
    return dvt_vf_load(out);
}

DVT_INLINE dvt_vf dvt_vf_sin(dvt_vf x) {
    dvt_vf result = dvt_vf_sin_bounded(x, 0);
    const dvt_vf size = dvt_vf_abs(x);
    /* x itself where it is the nearest number, which also keeps -0 */
    result = dvt_vf_select(dvt_vf_lt(size, dvt_vf_set1(0x1p-12f)), x, result);
    if (__builtin_expect(dvt_vm_any(dvt_vf_gt(size, dvt_vf_set1(DVT_TRIG_LIMIT))), 0))
        result = dvt_vf_sin_large(x, result, 0);
    return result;
}

DVT_INLINE dvt_vf dvt_vf_cos(dvt_vf x) {
    dvt_vf result = dvt_vf_sin_bounded(x, 1);
    if (__builtin_expect(dvt_vm_any(dvt_vf_gt(dvt_vf_abs(x), dvt_vf_set1(DVT_TRIG_LIMIT))), 0))
        result = dvt_vf_sin_large(x, result, 1);
    return result;
}

/* x^y with C's rules for the special cases. */
DVT_INLINE dvt_vf dvt_vf_pow(dvt_vf x, dvt_vf y) {
    const dvt_vf size = dvt_vf_abs(x), one = dvt_vf_set1(1.0f), zero = dvt_vf_set1(0.0f);
    dvt_vf result = dvt_vf_from_d(dvt_vd_power_magnitude(dvt_vf_low_d(size), dvt_vf_low_d(y)),
                                  dvt_vd_power_magnitude(dvt_vf_high_d(size), dvt_vf_high_d(y)));
    result = dvt_vf_select(dvt_vf_eq(size, one), one, result);
    const dvt_vf half = dvt_vf_mul(y, dvt_vf_set1(0.5f));
    const dvt_vm whole = dvt_vf_eq(dvt_vf_round(y), y);
    const dvt_vm odd = dvt_vm_and(whole, dvt_vf_ne(dvt_vf_round(half), half));
    result = dvt_vf_select(odd, dvt_vf_copysign(result, x), result);
    const dvt_vm no_root =
        dvt_vm_and(dvt_vm_and(dvt_vf_lt(x, zero), dvt_vf_lt(size, dvt_vf_set1(__builtin_inff()))),
                   dvt_vm_not(whole));
    result = dvt_vf_select(no_root, dvt_vf_set1(__builtin_nanf("")), result);
    const dvt_vm unordered = dvt_vm_or(dvt_vf_ne(x, x), dvt_vf_ne(y, y));
    result = dvt_vf_select(unordered, dvt_vf_add(x, y), result);
    return dvt_vf_select(dvt_vm_or(dvt_vf_eq(x, one), dvt_vf_eq(y, zero)), one, result);
}

#endif
