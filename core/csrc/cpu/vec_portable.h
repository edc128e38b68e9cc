/* vec.h for everything else: 128-bit vectors of the compiler, so SSE2 on x86-64 and NEON on aarch64. */
#if defined(__aarch64__)
#include <arm_neon.h>
#elif defined(__SSE2__)
#include <emmintrin.h>
#endif
#include <math.h>

#define DVT_VF_LANES 4
#define DVT_VD_LANES 2
#if defined(__aarch64__)
#define DVT_VF_FUSED 1 /* fma rounds once */
#else
#define DVT_VF_FUSED 0
#endif

typedef float dvt_vf __attribute__((vector_size(16)));
typedef double dvt_vd __attribute__((vector_size(16)));
typedef int32_t dvt_vi __attribute__((vector_size(16)));
typedef int64_t dvt_vl __attribute__((vector_size(16)));
typedef uint32_t dvt_portable_u32 __attribute__((vector_size(16)));
typedef uint64_t dvt_portable_u64 __attribute__((vector_size(16)));
typedef float dvt_portable_f2 __attribute__((vector_size(8)));
typedef dvt_vi dvt_vm;
typedef dvt_vl dvt_vn;

#define DVT_BITS_32(a) ((dvt_vi)(a))
#define DVT_BITS_64(a) ((dvt_vl)(a))

/* float32 */
DVT_INLINE dvt_vf dvt_vf_load(const float *p) {
    dvt_vf a;
    memcpy(&a, p, sizeof a);
    return a;
}
DVT_INLINE void dvt_vf_store(float *p, dvt_vf a) {
    memcpy(p, &a, sizeof a);
}
DVT_INLINE dvt_vf dvt_vf_load_n(const float *p, size_t n) {
    dvt_vf a = {0, 0, 0, 0};
    memcpy(&a, p, n * sizeof(float));
    return a;
}
DVT_INLINE void dvt_vf_store_n(float *p, dvt_vf a, size_t n) {
    memcpy(p, &a, n * sizeof(float));
}
DVT_INLINE dvt_vf dvt_vf_set1(float x) {
    return (dvt_vf){x, x, x, x};
}
DVT_INLINE dvt_vf dvt_vf_add(dvt_vf a, dvt_vf b) {
    return a + b;
}
DVT_INLINE dvt_vf dvt_vf_sub(dvt_vf a, dvt_vf b) {
    return a - b;
}
DVT_INLINE dvt_vf dvt_vf_mul(dvt_vf a, dvt_vf b) {
    return a * b;
}
DVT_INLINE dvt_vf dvt_vf_div(dvt_vf a, dvt_vf b) {
    return a / b;
}
DVT_INLINE dvt_vf dvt_vf_fma(dvt_vf a, dvt_vf b, dvt_vf c) {
#if defined(__aarch64__)
    return vfmaq_f32(c, a, b);
#else
    return a * b + c;
#endif
}
DVT_INLINE dvt_vf dvt_vf_fnma(dvt_vf a, dvt_vf b, dvt_vf c) {
#if defined(__aarch64__)
    return vfmsq_f32(c, a, b);
#else
    return c - a * b;
#endif
}
DVT_INLINE dvt_vf dvt_vf_select(dvt_vm m, dvt_vf a, dvt_vf b) {
    return (dvt_vf)((m & DVT_BITS_32(a)) | (~m & DVT_BITS_32(b)));
}
DVT_INLINE dvt_vf dvt_vf_min(dvt_vf a, dvt_vf b) {
#if defined(__SSE2__)
    return _mm_min_ps(a, b);
#else
    return dvt_vf_select(a < b, a, b);
#endif
}
DVT_INLINE dvt_vf dvt_vf_max(dvt_vf a, dvt_vf b) {
#if defined(__SSE2__)
    return _mm_max_ps(a, b);
#else
    return dvt_vf_select(a > b, a, b);
#endif
}
DVT_INLINE dvt_vf dvt_vf_sqrt(dvt_vf a) {
#if defined(__aarch64__)
    return vsqrtq_f32(a);
#elif defined(__SSE2__)
    return _mm_sqrt_ps(a);
#else
    return (dvt_vf){sqrtf(a[0]), sqrtf(a[1]), sqrtf(a[2]), sqrtf(a[3])};
#endif
}
DVT_INLINE dvt_vf dvt_vf_abs(dvt_vf a) {
    return (dvt_vf)(DVT_BITS_32(a) & INT32_MAX);
}
DVT_INLINE dvt_vf dvt_vf_neg(dvt_vf a) {
    return -a;
}
DVT_INLINE dvt_vm dvt_vf_eq(dvt_vf a, dvt_vf b) {
    return a == b;
}
DVT_INLINE dvt_vm dvt_vf_ne(dvt_vf a, dvt_vf b) {
    return a != b;
}
DVT_INLINE dvt_vm dvt_vf_lt(dvt_vf a, dvt_vf b) {
    return a < b;
}
DVT_INLINE dvt_vm dvt_vf_le(dvt_vf a, dvt_vf b) {
    return a <= b;
}
DVT_INLINE dvt_vm dvt_vf_gt(dvt_vf a, dvt_vf b) {
    return a > b;
}
DVT_INLINE dvt_vm dvt_vf_ge(dvt_vf a, dvt_vf b) {
    return a >= b;
}
DVT_INLINE dvt_vm dvt_vm_and(dvt_vm a, dvt_vm b) {
    return a & b;
}
DVT_INLINE dvt_vm dvt_vm_or(dvt_vm a, dvt_vm b) {
    return a | b;
}
DVT_INLINE dvt_vm dvt_vm_not(dvt_vm a) {
    return ~a;
}
DVT_INLINE int dvt_vm_any(dvt_vm a) {
    const dvt_vl halves = (dvt_vl)a;
    return (halves[0] | halves[1]) != 0;
}
DVT_INLINE int dvt_vm_all(dvt_vm a) {
    return !dvt_vm_any(~a);
}
DVT_INLINE float dvt_vf_sum(dvt_vf a) {
    return (a[0] + a[2]) + (a[1] + a[3]);
}

/* int32 */
DVT_INLINE dvt_vi dvt_vi_set1(int32_t x) {
    return (dvt_vi){x, x, x, x};
}
DVT_INLINE dvt_vi dvt_vi_load(const int32_t *p) {
    dvt_vi a;
    memcpy(&a, p, sizeof a);
    return a;
}
DVT_INLINE void dvt_vi_store(int32_t *p, dvt_vi a) {
    memcpy(p, &a, sizeof a);
}
/* Sums wrap: they are taken on unsigned lanes. */
DVT_INLINE dvt_vi dvt_vi_add(dvt_vi a, dvt_vi b) {
    return (dvt_vi)((dvt_portable_u32)a + (dvt_portable_u32)b);
}
DVT_INLINE dvt_vi dvt_vi_sub(dvt_vi a, dvt_vi b) {
    return (dvt_vi)((dvt_portable_u32)a - (dvt_portable_u32)b);
}
DVT_INLINE dvt_vi dvt_vi_and(dvt_vi a, dvt_vi b) {
    return a & b;
}
DVT_INLINE dvt_vi dvt_vi_or(dvt_vi a, dvt_vi b) {
    return a | b;
}
DVT_INLINE dvt_vi dvt_vi_xor(dvt_vi a, dvt_vi b) {
    return a ^ b;
}
/* b without the bits of a */
DVT_INLINE dvt_vi dvt_vi_andnot(dvt_vi a, dvt_vi b) {
    return ~a & b;
}
DVT_INLINE dvt_vi dvt_vi_shl(dvt_vi a, int k) {
    return (dvt_vi)((dvt_portable_u32)a << k);
}
DVT_INLINE dvt_vi dvt_vi_shr(dvt_vi a, int k) {
    return a >> k;
}
DVT_INLINE dvt_vi dvt_vi_shr_logical(dvt_vi a, int k) {
    return (dvt_vi)((dvt_portable_u32)a >> k);
}
DVT_INLINE dvt_vm dvt_vi_eq(dvt_vi a, dvt_vi b) {
    return a == b;
}
DVT_INLINE dvt_vm dvt_vi_gt(dvt_vi a, dvt_vi b) {
    return a > b;
}
DVT_INLINE dvt_vi dvt_vf_as_i(dvt_vf a) {
    return DVT_BITS_32(a);
}
DVT_INLINE dvt_vf dvt_vi_as_f(dvt_vi a) {
    return (dvt_vf)a;
}
DVT_INLINE dvt_vi dvt_vf_to_i(dvt_vf a) {
#if defined(__aarch64__)
    return vcvtnq_s32_f32(a);
#elif defined(__SSE2__)
    return (dvt_vi)_mm_cvtps_epi32(a);
#else
    dvt_vi r;
    for (int i = 0; i < 4; i++)
        r[i] = a[i] >= -0x1p31f && a[i] < 0x1p31f ? (int32_t)rintf(a[i]) : INT32_MIN;
    return r;
#endif
}
DVT_INLINE dvt_vf dvt_vi_to_f(dvt_vi a) {
    return __builtin_convertvector(a, dvt_vf);
}

/* Rounding without an instruction: integers from 2^23 on are as they are; below, through int32 and
 * back, with the sign kept so that -0.25 becomes -0. */
DVT_INLINE dvt_vf dvt_vf_round(dvt_vf a) {
    const dvt_vm small = dvt_vf_abs(a) < dvt_vf_set1(0x1p23f);
    const dvt_vi sign = DVT_BITS_32(a) & INT32_MIN;
    const dvt_vf whole = dvt_vi_to_f(dvt_vf_to_i(dvt_vf_select(small, a, dvt_vf_set1(0.0f))));
    return dvt_vf_select(small, (dvt_vf)(DVT_BITS_32(whole) | sign), a);
}
DVT_INLINE dvt_vf dvt_vf_trunc(dvt_vf a) {
    const dvt_vf near = dvt_vf_round(a), size = dvt_vf_abs(a);
    const dvt_vf over =
        dvt_vf_select(dvt_vf_abs(near) > size, dvt_vf_set1(1.0f), dvt_vf_set1(0.0f));
    const dvt_vi sign = DVT_BITS_32(a) & INT32_MIN;
    return (dvt_vf)(DVT_BITS_32(dvt_vf_abs(near) - over) | sign);
}
DVT_INLINE dvt_vf dvt_vf_floor(dvt_vf a) {
    const dvt_vf near = dvt_vf_round(a);
    return dvt_vf_select(near > a, near - dvt_vf_set1(1.0f), near);
}
DVT_INLINE dvt_vf dvt_vf_ceil(dvt_vf a) {
    /* -floor(-a), so that -0.5 becomes -0 */
    return -dvt_vf_floor(-a);
}

/* float64 */
DVT_INLINE dvt_vd dvt_vd_load(const double *p) {
    dvt_vd a;
    memcpy(&a, p, sizeof a);
    return a;
}
DVT_INLINE void dvt_vd_store(double *p, dvt_vd a) {
    memcpy(p, &a, sizeof a);
}
DVT_INLINE dvt_vd dvt_vd_load_n(const double *p, size_t n) {
    dvt_vd a = {0, 0};
    memcpy(&a, p, n * sizeof(double));
    return a;
}
DVT_INLINE void dvt_vd_store_n(double *p, dvt_vd a, size_t n) {
    memcpy(p, &a, n * sizeof(double));
}
DVT_INLINE dvt_vd dvt_vd_set1(double x) {
    return (dvt_vd){x, x};
}
DVT_INLINE dvt_vd dvt_vd_add(dvt_vd a, dvt_vd b) {
    return a + b;
}
DVT_INLINE dvt_vd dvt_vd_sub(dvt_vd a, dvt_vd b) {
    return a - b;
}
DVT_INLINE dvt_vd dvt_vd_mul(dvt_vd a, dvt_vd b) {
    return a * b;
}
DVT_INLINE dvt_vd dvt_vd_div(dvt_vd a, dvt_vd b) {
    return a / b;
}
DVT_INLINE dvt_vd dvt_vd_fma(dvt_vd a, dvt_vd b, dvt_vd c) {
#if defined(__aarch64__)
    return vfmaq_f64(c, a, b);
#else
    return a * b + c;
#endif
}
DVT_INLINE dvt_vd dvt_vd_fnma(dvt_vd a, dvt_vd b, dvt_vd c) {
#if defined(__aarch64__)
    return vfmsq_f64(c, a, b);
#else
    return c - a * b;
#endif
}
DVT_INLINE dvt_vd dvt_vd_select(dvt_vn m, dvt_vd a, dvt_vd b) {
    return (dvt_vd)((m & DVT_BITS_64(a)) | (~m & DVT_BITS_64(b)));
}
DVT_INLINE dvt_vd dvt_vd_min(dvt_vd a, dvt_vd b) {
    return dvt_vd_select(a < b, a, b);
}
DVT_INLINE dvt_vd dvt_vd_max(dvt_vd a, dvt_vd b) {
    return dvt_vd_select(a > b, a, b);
}
DVT_INLINE dvt_vd dvt_vd_sqrt(dvt_vd a) {
#if defined(__aarch64__)
    return vsqrtq_f64(a);
#elif defined(__SSE2__)
    return _mm_sqrt_pd(a);
#else
    return (dvt_vd){sqrt(a[0]), sqrt(a[1])};
#endif
}
DVT_INLINE dvt_vd dvt_vd_abs(dvt_vd a) {
    return (dvt_vd)(DVT_BITS_64(a) & INT64_MAX);
}
DVT_INLINE dvt_vd dvt_vd_neg(dvt_vd a) {
    return -a;
}
/* Adding 1.5 * 2^52 leaves no place for a fraction; larger numbers are as they are. */
DVT_INLINE dvt_vd dvt_vd_round(dvt_vd a) {
    const dvt_vd magic = dvt_vd_set1(0x1.8p52);
    const dvt_vn small = dvt_vd_abs(a) < dvt_vd_set1(0x1p51);
    const dvt_vl sign = DVT_BITS_64(a) & INT64_MIN;
    const dvt_vd whole = (a + magic) - magic;
    const dvt_vl bits = DVT_BITS_64(whole) & INT64_MAX;
    return dvt_vd_select(small, (dvt_vd)(bits | sign), a);
}
DVT_INLINE dvt_vn dvt_vd_eq(dvt_vd a, dvt_vd b) {
    return a == b;
}
DVT_INLINE dvt_vn dvt_vd_ne(dvt_vd a, dvt_vd b) {
    return a != b;
}
DVT_INLINE dvt_vn dvt_vd_lt(dvt_vd a, dvt_vd b) {
    return a < b;
}
DVT_INLINE dvt_vn dvt_vd_le(dvt_vd a, dvt_vd b) {
    return a <= b;
}
DVT_INLINE dvt_vn dvt_vd_gt(dvt_vd a, dvt_vd b) {
    return a > b;
}
DVT_INLINE dvt_vn dvt_vd_ge(dvt_vd a, dvt_vd b) {
    return a >= b;
}
DVT_INLINE int dvt_vn_any(dvt_vn a) {
    return (a[0] | a[1]) != 0;
}

/* int64 */
DVT_INLINE dvt_vl dvt_vl_set1(int64_t x) {
    return (dvt_vl){x, x};
}
DVT_INLINE dvt_vl dvt_vl_add(dvt_vl a, dvt_vl b) {
    return (dvt_vl)((dvt_portable_u64)a + (dvt_portable_u64)b);
}
DVT_INLINE dvt_vl dvt_vl_sub(dvt_vl a, dvt_vl b) {
    return (dvt_vl)((dvt_portable_u64)a - (dvt_portable_u64)b);
}
DVT_INLINE dvt_vl dvt_vl_and(dvt_vl a, dvt_vl b) {
    return a & b;
}
DVT_INLINE dvt_vl dvt_vl_or(dvt_vl a, dvt_vl b) {
    return a | b;
}
DVT_INLINE dvt_vl dvt_vl_andnot(dvt_vl a, dvt_vl b) {
    return ~a & b;
}
DVT_INLINE dvt_vl dvt_vl_shl(dvt_vl a, int k) {
    return (dvt_vl)((dvt_portable_u64)a << k);
}
DVT_INLINE dvt_vl dvt_vl_shr_logical(dvt_vl a, int k) {
    return (dvt_vl)((dvt_portable_u64)a >> k);
}
DVT_INLINE dvt_vl dvt_vd_as_l(dvt_vd a) {
    return DVT_BITS_64(a);
}
DVT_INLINE dvt_vd dvt_vl_as_d(dvt_vl a) {
    return (dvt_vd)a;
}

/* between the widths: the low and the high half of the lanes */
DVT_INLINE dvt_vd dvt_vf_low_d(dvt_vf a) {
    return __builtin_convertvector(((dvt_portable_f2){a[0], a[1]}), dvt_vd);
}
DVT_INLINE dvt_vd dvt_vf_high_d(dvt_vf a) {
    return __builtin_convertvector(((dvt_portable_f2){a[2], a[3]}), dvt_vd);
}
DVT_INLINE dvt_vf dvt_vf_from_d(dvt_vd low, dvt_vd high) {
    return (dvt_vf){(float)low[0], (float)low[1], (float)high[0], (float)high[1]};
}
