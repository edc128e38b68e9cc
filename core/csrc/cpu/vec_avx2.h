/* vec.h for AVX2 with FMA: eight float32, four float64. */
#include <immintrin.h>

#define DVT_VF_LANES 8
#define DVT_VF_FUSED 1 /* fma rounds once */
#define DVT_VD_LANES 4

typedef __m256 dvt_vf;
typedef __m256d dvt_vd;
typedef __m256i dvt_vi;
typedef __m256i dvt_vl;
typedef __m256 dvt_vm;
typedef __m256d dvt_vn;

DVT_INLINE __m256i dvt_first_32(size_t n) {
    const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32((int)n), lane);
}
DVT_INLINE __m256i dvt_first_64(size_t n) {
    const __m256i lane = _mm256_setr_epi64x(0, 1, 2, 3);
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x((long long)n), lane);
}

/* float32 */
DVT_INLINE dvt_vf dvt_vf_load(const float *p) {
    return _mm256_loadu_ps(p);
}
DVT_INLINE void dvt_vf_store(float *p, dvt_vf a) {
    _mm256_storeu_ps(p, a);
}
DVT_INLINE dvt_vf dvt_vf_load_n(const float *p, size_t n) {
    return _mm256_maskload_ps(p, dvt_first_32(n));
}
DVT_INLINE void dvt_vf_store_n(float *p, dvt_vf a, size_t n) {
    _mm256_maskstore_ps(p, dvt_first_32(n), a);
}
DVT_INLINE dvt_vf dvt_vf_set1(float x) {
    return _mm256_set1_ps(x);
}
DVT_INLINE dvt_vf dvt_vf_add(dvt_vf a, dvt_vf b) {
    return _mm256_add_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_sub(dvt_vf a, dvt_vf b) {
    return _mm256_sub_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_mul(dvt_vf a, dvt_vf b) {
    return _mm256_mul_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_div(dvt_vf a, dvt_vf b) {
    return _mm256_div_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_fma(dvt_vf a, dvt_vf b, dvt_vf c) {
    return _mm256_fmadd_ps(a, b, c);
}
DVT_INLINE dvt_vf dvt_vf_fnma(dvt_vf a, dvt_vf b, dvt_vf c) {
    return _mm256_fnmadd_ps(a, b, c);
}
DVT_INLINE dvt_vf dvt_vf_min(dvt_vf a, dvt_vf b) {
    return _mm256_min_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_max(dvt_vf a, dvt_vf b) {
    return _mm256_max_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_sqrt(dvt_vf a) {
    return _mm256_sqrt_ps(a);
}
DVT_INLINE dvt_vf dvt_vf_abs(dvt_vf a) {
    return _mm256_andnot_ps(_mm256_set1_ps(-0.0f), a);
}
DVT_INLINE dvt_vf dvt_vf_neg(dvt_vf a) {
    return _mm256_xor_ps(_mm256_set1_ps(-0.0f), a);
}
DVT_INLINE dvt_vf dvt_vf_round(dvt_vf a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
DVT_INLINE dvt_vf dvt_vf_floor(dvt_vf a) {
    return _mm256_floor_ps(a);
}
DVT_INLINE dvt_vf dvt_vf_ceil(dvt_vf a) {
    return _mm256_ceil_ps(a);
}
DVT_INLINE dvt_vf dvt_vf_trunc(dvt_vf a) {
    return _mm256_round_ps(a, _MM_FROUND_TO_ZERO | _MM_FROUND_NO_EXC);
}
DVT_INLINE dvt_vm dvt_vf_eq(dvt_vf a, dvt_vf b) {
    return _mm256_cmp_ps(a, b, _CMP_EQ_OQ);
}
DVT_INLINE dvt_vm dvt_vf_ne(dvt_vf a, dvt_vf b) {
    return _mm256_cmp_ps(a, b, _CMP_NEQ_UQ);
}
DVT_INLINE dvt_vm dvt_vf_lt(dvt_vf a, dvt_vf b) {
    return _mm256_cmp_ps(a, b, _CMP_LT_OQ);
}
DVT_INLINE dvt_vm dvt_vf_le(dvt_vf a, dvt_vf b) {
    return _mm256_cmp_ps(a, b, _CMP_LE_OQ);
}
DVT_INLINE dvt_vm dvt_vf_gt(dvt_vf a, dvt_vf b) {
    return _mm256_cmp_ps(a, b, _CMP_GT_OQ);
}
DVT_INLINE dvt_vm dvt_vf_ge(dvt_vf a, dvt_vf b) {
    return _mm256_cmp_ps(a, b, _CMP_GE_OQ);
}
DVT_INLINE dvt_vm dvt_vm_and(dvt_vm a, dvt_vm b) {
    return _mm256_and_ps(a, b);
}
DVT_INLINE dvt_vm dvt_vm_or(dvt_vm a, dvt_vm b) {
    return _mm256_or_ps(a, b);
}
DVT_INLINE dvt_vm dvt_vm_not(dvt_vm a) {
    return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(-1)));
}
DVT_INLINE int dvt_vm_any(dvt_vm a) {
    return _mm256_movemask_ps(a) != 0;
}
DVT_INLINE int dvt_vm_all(dvt_vm a) {
    return _mm256_movemask_ps(a) == 0xff;
}
DVT_INLINE dvt_vf dvt_vf_select(dvt_vm m, dvt_vf a, dvt_vf b) {
    return _mm256_blendv_ps(b, a, m);
}
DVT_INLINE float dvt_vf_sum(dvt_vf a) {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
}

/* int32 */
DVT_INLINE dvt_vi dvt_vi_set1(int32_t x) {
    return _mm256_set1_epi32(x);
}
DVT_INLINE dvt_vi dvt_vi_load(const int32_t *p) {
    return _mm256_loadu_si256((const __m256i *)(const void *)p);
}
DVT_INLINE void dvt_vi_store(int32_t *p, dvt_vi a) {
    _mm256_storeu_si256((__m256i *)(void *)p, a);
}
DVT_INLINE dvt_vi dvt_vi_add(dvt_vi a, dvt_vi b) {
    return _mm256_add_epi32(a, b);
}
DVT_INLINE dvt_vi dvt_vi_sub(dvt_vi a, dvt_vi b) {
    return _mm256_sub_epi32(a, b);
}
DVT_INLINE dvt_vi dvt_vi_and(dvt_vi a, dvt_vi b) {
    return _mm256_and_si256(a, b);
}
DVT_INLINE dvt_vi dvt_vi_or(dvt_vi a, dvt_vi b) {
    return _mm256_or_si256(a, b);
}
DVT_INLINE dvt_vi dvt_vi_xor(dvt_vi a, dvt_vi b) {
    return _mm256_xor_si256(a, b);
}
/* b without the bits of a */
DVT_INLINE dvt_vi dvt_vi_andnot(dvt_vi a, dvt_vi b) {
    return _mm256_andnot_si256(a, b);
}
DVT_INLINE dvt_vi dvt_vi_shl(dvt_vi a, int k) {
    return _mm256_slli_epi32(a, k);
}
DVT_INLINE dvt_vi dvt_vi_shr(dvt_vi a, int k) {
    return _mm256_srai_epi32(a, k);
}
DVT_INLINE dvt_vi dvt_vi_shr_logical(dvt_vi a, int k) {
    return _mm256_srli_epi32(a, k);
}
DVT_INLINE dvt_vm dvt_vi_eq(dvt_vi a, dvt_vi b) {
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(a, b));
}
DVT_INLINE dvt_vm dvt_vi_gt(dvt_vi a, dvt_vi b) {
    return _mm256_castsi256_ps(_mm256_cmpgt_epi32(a, b));
}
DVT_INLINE dvt_vi dvt_vf_as_i(dvt_vf a) {
    return _mm256_castps_si256(a);
}
DVT_INLINE dvt_vf dvt_vi_as_f(dvt_vi a) {
    return _mm256_castsi256_ps(a);
}
DVT_INLINE dvt_vi dvt_vf_to_i(dvt_vf a) {
    return _mm256_cvtps_epi32(a);
}
DVT_INLINE dvt_vf dvt_vi_to_f(dvt_vi a) {
    return _mm256_cvtepi32_ps(a);
}

/* float64 */
DVT_INLINE dvt_vd dvt_vd_load(const double *p) {
    return _mm256_loadu_pd(p);
}
DVT_INLINE void dvt_vd_store(double *p, dvt_vd a) {
    _mm256_storeu_pd(p, a);
}
DVT_INLINE dvt_vd dvt_vd_load_n(const double *p, size_t n) {
    return _mm256_maskload_pd(p, dvt_first_64(n));
}
DVT_INLINE void dvt_vd_store_n(double *p, dvt_vd a, size_t n) {
    _mm256_maskstore_pd(p, dvt_first_64(n), a);
}
DVT_INLINE dvt_vd dvt_vd_set1(double x) {
    return _mm256_set1_pd(x);
}
DVT_INLINE dvt_vd dvt_vd_add(dvt_vd a, dvt_vd b) {
    return _mm256_add_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_sub(dvt_vd a, dvt_vd b) {
    return _mm256_sub_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_mul(dvt_vd a, dvt_vd b) {
    return _mm256_mul_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_div(dvt_vd a, dvt_vd b) {
    return _mm256_div_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_fma(dvt_vd a, dvt_vd b, dvt_vd c) {
    return _mm256_fmadd_pd(a, b, c);
}
DVT_INLINE dvt_vd dvt_vd_fnma(dvt_vd a, dvt_vd b, dvt_vd c) {
    return _mm256_fnmadd_pd(a, b, c);
}
DVT_INLINE dvt_vd dvt_vd_min(dvt_vd a, dvt_vd b) {
    return _mm256_min_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_max(dvt_vd a, dvt_vd b) {
    return _mm256_max_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_sqrt(dvt_vd a) {
    return _mm256_sqrt_pd(a);
}
DVT_INLINE dvt_vd dvt_vd_abs(dvt_vd a) {
    return _mm256_andnot_pd(_mm256_set1_pd(-0.0), a);
}
DVT_INLINE dvt_vd dvt_vd_neg(dvt_vd a) {
    return _mm256_xor_pd(_mm256_set1_pd(-0.0), a);
}
DVT_INLINE dvt_vd dvt_vd_round(dvt_vd a) {
    return _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC);
}
DVT_INLINE dvt_vn dvt_vd_eq(dvt_vd a, dvt_vd b) {
    return _mm256_cmp_pd(a, b, _CMP_EQ_OQ);
}
DVT_INLINE dvt_vn dvt_vd_ne(dvt_vd a, dvt_vd b) {
    return _mm256_cmp_pd(a, b, _CMP_NEQ_UQ);
}
DVT_INLINE dvt_vn dvt_vd_lt(dvt_vd a, dvt_vd b) {
    return _mm256_cmp_pd(a, b, _CMP_LT_OQ);
}
DVT_INLINE dvt_vn dvt_vd_le(dvt_vd a, dvt_vd b) {
    return _mm256_cmp_pd(a, b, _CMP_LE_OQ);
}
DVT_INLINE dvt_vn dvt_vd_gt(dvt_vd a, dvt_vd b) {
    return _mm256_cmp_pd(a, b, _CMP_GT_OQ);
}
DVT_INLINE dvt_vn dvt_vd_ge(dvt_vd a, dvt_vd b) {
    return _mm256_cmp_pd(a, b, _CMP_GE_OQ);
}
DVT_INLINE int dvt_vn_any(dvt_vn a) {
    return _mm256_movemask_pd(a) != 0;
}
DVT_INLINE dvt_vd dvt_vd_select(dvt_vn m, dvt_vd a, dvt_vd b) {
    return _mm256_blendv_pd(b, a, m);
}

/* int64 */
DVT_INLINE dvt_vl dvt_vl_set1(int64_t x) {
    return _mm256_set1_epi64x(x);
}
DVT_INLINE dvt_vl dvt_vl_add(dvt_vl a, dvt_vl b) {
    return _mm256_add_epi64(a, b);
}
DVT_INLINE dvt_vl dvt_vl_sub(dvt_vl a, dvt_vl b) {
    return _mm256_sub_epi64(a, b);
}
DVT_INLINE dvt_vl dvt_vl_and(dvt_vl a, dvt_vl b) {
    return _mm256_and_si256(a, b);
}
DVT_INLINE dvt_vl dvt_vl_or(dvt_vl a, dvt_vl b) {
    return _mm256_or_si256(a, b);
}
DVT_INLINE dvt_vl dvt_vl_andnot(dvt_vl a, dvt_vl b) {
    return _mm256_andnot_si256(a, b);
}
DVT_INLINE dvt_vl dvt_vl_shl(dvt_vl a, int k) {
    return _mm256_slli_epi64(a, k);
}
DVT_INLINE dvt_vl dvt_vl_shr_logical(dvt_vl a, int k) {
    return _mm256_srli_epi64(a, k);
}
DVT_INLINE dvt_vl dvt_vd_as_l(dvt_vd a) {
    return _mm256_castpd_si256(a);
}
DVT_INLINE dvt_vd dvt_vl_as_d(dvt_vl a) {
    return _mm256_castsi256_pd(a);
}

/* between the widths: the low and the high half of the lanes */
DVT_INLINE dvt_vd dvt_vf_low_d(dvt_vf a) {
    return _mm256_cvtps_pd(_mm256_castps256_ps128(a));
}
DVT_INLINE dvt_vd dvt_vf_high_d(dvt_vf a) {
    return _mm256_cvtps_pd(_mm256_extractf128_ps(a, 1));
}
DVT_INLINE dvt_vf dvt_vf_from_d(dvt_vd low, dvt_vd high) {
    return _mm256_set_m128(_mm256_cvtpd_ps(high), _mm256_cvtpd_ps(low));
}
