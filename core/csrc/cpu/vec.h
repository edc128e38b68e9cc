/* A vector of float32 (dvt_vf, DVT_VF_LANES lanes), of float64 (dvt_vd, half as many lanes), of
 * int32 (dvt_vi) and int64 (dvt_vl) as wide as those, and the masks of comparisons (dvt_vm for 32
 * bits, dvt_vn for 64). One of three headers implements the same inline functions, chosen by what
 * the file is compiled for; a fourth one, with DVT_RECORD, notes them down (jit.h). Any address may be loaded and stored.
 *
 *   load store            full vectors
 *   load_n store_n        the first n < lanes elements; load_n fills the rest with zeros
 *   set1 add sub mul div sqrt abs neg
 *   fma(a, b, c)          a*b + c, and fnma: c - a*b; rounded once where there is an instruction
 *   min max               the second operand where one is NaN, as x86 does
 *   round floor ceil trunc   round: half to even
 *   eq ne lt le gt ge     masks; false for NaN, except ne
 *   m_and m_or m_not m_any m_all
 *   select(m, a, b)       a where m, else b
 */
#ifndef DVT_CPU_VEC_H
#define DVT_CPU_VEC_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "compiler.h"

#define DVT_INLINE static inline __attribute__((always_inline, unused))

#if defined(DVT_RECORD)
#include "vec_record.h"
#elif defined(__AVX512F__) && defined(__AVX512DQ__) && defined(__AVX512BW__) &&                    \
    defined(__AVX512VL__)
#include "vec_avx512.h"
#elif defined(__AVX2__) && defined(__FMA__)
#include "vec_avx2.h"
#else
#include "vec_portable.h"
#endif

/* What follows from the primitives. */

/* a with the sign of b. */
DVT_INLINE dvt_vf dvt_vf_copysign(dvt_vf a, dvt_vf b) {
    const dvt_vi sign = dvt_vi_set1(INT32_MIN);
    return dvt_vi_as_f(
        dvt_vi_or(dvt_vi_and(dvt_vf_as_i(b), sign), dvt_vi_andnot(sign, dvt_vf_as_i(a))));
}

DVT_INLINE dvt_vd dvt_vd_copysign(dvt_vd a, dvt_vd b) {
    const dvt_vl sign = dvt_vl_set1(INT64_MIN);
    return dvt_vl_as_d(
        dvt_vl_or(dvt_vl_and(dvt_vd_as_l(b), sign), dvt_vl_andnot(sign, dvt_vd_as_l(a))));
}

/* c[0] + c[1] x + ... + c[count-1] x^(count-1), unrolled where count is a constant. */
DVT_INLINE dvt_vf dvt_vf_polynomial(dvt_vf x, const float *c, int count) {
    dvt_vf sum = dvt_vf_set1(c[count - 1]);
    DVT_UNROLL
    for (int i = count - 2; i >= 0; i--) sum = dvt_vf_fma(sum, x, dvt_vf_set1(c[i]));
    return sum;
}

DVT_INLINE dvt_vd dvt_vd_polynomial(dvt_vd x, const double *c, int count) {
    dvt_vd sum = dvt_vd_set1(c[count - 1]);
    DVT_UNROLL
    for (int i = count - 2; i >= 0; i--) sum = dvt_vd_fma(sum, x, dvt_vd_set1(c[i]));
    return sum;
}

#define DVT_VF_POLYNOMIAL(x, c) dvt_vf_polynomial(x, c, (int)(sizeof(c) / sizeof((c)[0])))
#define DVT_VD_POLYNOMIAL(x, c) dvt_vd_polynomial(x, c, (int)(sizeof(c) / sizeof((c)[0])))

#endif
