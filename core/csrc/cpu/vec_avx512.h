/* vec.h for AVX-512 F, DQ, BW, VL: sixteen float32, eight float64, masks in registers of their own. */
#include <immintrin.h>

#define DVT_VF_LANES 16
#define DVT_VF_FUSED 1 /* fma rounds once */
#define DVT_VD_LANES 8

typedef __m512 dvt_vf;
typedef __m512d dvt_vd;
typedef __m512i dvt_vi;
typedef __m512i dvt_vl;
typedef __mmask16 dvt_vm;
typedef __mmask8 dvt_vn;

#define DVT_FIRST_32(n) ((__mmask16)((1u << (n)) - 1u))
#define DVT_FIRST_64(n) ((__mmask8)((1u << (n)) - 1u))
#define DVT_ROUND(mode) ((mode) | _MM_FROUND_NO_EXC)

/* float32 */
DVT_INLINE dvt_vf dvt_vf_load(const float *p) {
    return _mm512_loadu_ps(p);
}
DVT_INLINE void dvt_vf_store(float *p, dvt_vf a) {
    _mm512_storeu_ps(p, a);
}
DVT_INLINE dvt_vf dvt_vf_load_n(const float *p, size_t n) {
    return _mm512_maskz_loadu_ps(DVT_FIRST_32(n), p);
}
DVT_INLINE void dvt_vf_store_n(float *p, dvt_vf a, size_t n) {
    _mm512_mask_storeu_ps(p, DVT_FIRST_32(n), a);
}
DVT_INLINE dvt_vf dvt_vf_set1(float x) {
    return _mm512_set1_ps(x);
}
DVT_INLINE dvt_vf dvt_vf_add(dvt_vf a, dvt_vf b) {
    return _mm512_add_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_sub(dvt_vf a, dvt_vf b) {
    return _mm512_sub_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_mul(dvt_vf a, dvt_vf b) {
    return _mm512_mul_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_div(dvt_vf a, dvt_vf b) {
    return _mm512_div_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_fma(dvt_vf a, dvt_vf b, dvt_vf c) {
    return _mm512_fmadd_ps(a, b, c);
}
DVT_INLINE dvt_vf dvt_vf_fnma(dvt_vf a, dvt_vf b, dvt_vf c) {
    return _mm512_fnmadd_ps(a, b, c);
}
DVT_INLINE dvt_vf dvt_vf_min(dvt_vf a, dvt_vf b) {
    return _mm512_min_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_max(dvt_vf a, dvt_vf b) {
    return _mm512_max_ps(a, b);
}
DVT_INLINE dvt_vf dvt_vf_sqrt(dvt_vf a) {
    return _mm512_sqrt_ps(a);
}
DVT_INLINE dvt_vf dvt_vf_abs(dvt_vf a) {
    return _mm512_andnot_ps(_mm512_set1_ps(-0.0f), a);
}
DVT_INLINE dvt_vf dvt_vf_neg(dvt_vf a) {
    return _mm512_xor_ps(_mm512_set1_ps(-0.0f), a);
}
DVT_INLINE dvt_vf dvt_vf_round(dvt_vf a) {
    return _mm512_roundscale_ps(a, DVT_ROUND(_MM_FROUND_TO_NEAREST_INT));
}
DVT_INLINE dvt_vf dvt_vf_floor(dvt_vf a) {
    return _mm512_roundscale_ps(a, DVT_ROUND(_MM_FROUND_TO_NEG_INF));
}
DVT_INLINE dvt_vf dvt_vf_ceil(dvt_vf a) {
    return _mm512_roundscale_ps(a, DVT_ROUND(_MM_FROUND_TO_POS_INF));
}
DVT_INLINE dvt_vf dvt_vf_trunc(dvt_vf a) {
    return _mm512_roundscale_ps(a, DVT_ROUND(_MM_FROUND_TO_ZERO));
}
DVT_INLINE dvt_vm dvt_vf_eq(dvt_vf a, dvt_vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_EQ_OQ);
}
DVT_INLINE dvt_vm dvt_vf_ne(dvt_vf a, dvt_vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_NEQ_UQ);
}
DVT_INLINE dvt_vm dvt_vf_lt(dvt_vf a, dvt_vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LT_OQ);
}
DVT_INLINE dvt_vm dvt_vf_le(dvt_vf a, dvt_vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_LE_OQ);
}
DVT_INLINE dvt_vm dvt_vf_gt(dvt_vf a, dvt_vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ);
}
DVT_INLINE dvt_vm dvt_vf_ge(dvt_vf a, dvt_vf b) {
    return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ);
}
DVT_INLINE dvt_vm dvt_vm_and(dvt_vm a, dvt_vm b) {
    return _kand_mask16(a, b);
}
DVT_INLINE dvt_vm dvt_vm_or(dvt_vm a, dvt_vm b) {
    return _kor_mask16(a, b);
}
DVT_INLINE dvt_vm dvt_vm_not(dvt_vm a) {
    return _knot_mask16(a);
}
DVT_INLINE int dvt_vm_any(dvt_vm a) {
    return a != 0;
}
DVT_INLINE int dvt_vm_all(dvt_vm a) {
    return a == 0xffff;
}
DVT_INLINE dvt_vf dvt_vf_select(dvt_vm m, dvt_vf a, dvt_vf b) {
    return _mm512_mask_blend_ps(m, b, a);
}
DVT_INLINE float dvt_vf_sum(dvt_vf a) {
    return _mm512_reduce_add_ps(a);
}

/* int32 */
DVT_INLINE dvt_vi dvt_vi_set1(int32_t x) {
    return _mm512_set1_epi32(x);
}
DVT_INLINE dvt_vi dvt_vi_load(const int32_t *p) {
    return _mm512_loadu_si512(p);
}
DVT_INLINE void dvt_vi_store(int32_t *p, dvt_vi a) {
    _mm512_storeu_si512(p, a);
}
DVT_INLINE dvt_vi dvt_vi_add(dvt_vi a, dvt_vi b) {
    return _mm512_add_epi32(a, b);
}
DVT_INLINE dvt_vi dvt_vi_sub(dvt_vi a, dvt_vi b) {
    return _mm512_sub_epi32(a, b);
}
DVT_INLINE dvt_vi dvt_vi_and(dvt_vi a, dvt_vi b) {
    return _mm512_and_si512(a, b);
}
DVT_INLINE dvt_vi dvt_vi_or(dvt_vi a, dvt_vi b) {
    return _mm512_or_si512(a, b);
}
DVT_INLINE dvt_vi dvt_vi_xor(dvt_vi a, dvt_vi b) {
    return _mm512_xor_si512(a, b);
}
/* b without the bits of a */
DVT_INLINE dvt_vi dvt_vi_andnot(dvt_vi a, dvt_vi b) {
    return _mm512_andnot_si512(a, b);
}
#define dvt_vi_shl(a, k) _mm512_slli_epi32(a, k)
#define dvt_vi_shr(a, k) _mm512_srai_epi32(a, k)
#define dvt_vi_shr_logical(a, k) _mm512_srli_epi32(a, k)
DVT_INLINE dvt_vm dvt_vi_eq(dvt_vi a, dvt_vi b) {
    return _mm512_cmpeq_epi32_mask(a, b);
}
DVT_INLINE dvt_vm dvt_vi_gt(dvt_vi a, dvt_vi b) {
    return _mm512_cmpgt_epi32_mask(a, b);
}
DVT_INLINE dvt_vi dvt_vf_as_i(dvt_vf a) {
    return _mm512_castps_si512(a);
}
DVT_INLINE dvt_vf dvt_vi_as_f(dvt_vi a) {
    return _mm512_castsi512_ps(a);
}
DVT_INLINE dvt_vi dvt_vf_to_i(dvt_vf a) {
    return _mm512_cvtps_epi32(a);
}
DVT_INLINE dvt_vf dvt_vi_to_f(dvt_vi a) {
    return _mm512_cvtepi32_ps(a);
}

/* float64 */
DVT_INLINE dvt_vd dvt_vd_load(const double *p) {
    return _mm512_loadu_pd(p);
}
DVT_INLINE void dvt_vd_store(double *p, dvt_vd a) {
    _mm512_storeu_pd(p, a);
}
DVT_INLINE dvt_vd dvt_vd_load_n(const double *p, size_t n) {
    return _mm512_maskz_loadu_pd(DVT_FIRST_64(n), p);
}
DVT_INLINE void dvt_vd_store_n(double *p, dvt_vd a, size_t n) {
    _mm512_mask_storeu_pd(p, DVT_FIRST_64(n), a);
}
DVT_INLINE dvt_vd dvt_vd_set1(double x) {
    return _mm512_set1_pd(x);
}
DVT_INLINE dvt_vd dvt_vd_add(dvt_vd a, dvt_vd b) {
    return _mm512_add_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_sub(dvt_vd a, dvt_vd b) {
    return _mm512_sub_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_mul(dvt_vd a, dvt_vd b) {
    return _mm512_mul_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_div(dvt_vd a, dvt_vd b) {
    return _mm512_div_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_fma(dvt_vd a, dvt_vd b, dvt_vd c) {
    return _mm512_fmadd_pd(a, b, c);
}
DVT_INLINE dvt_vd dvt_vd_fnma(dvt_vd a, dvt_vd b, dvt_vd c) {
    return _mm512_fnmadd_pd(a, b, c);
}
DVT_INLINE dvt_vd dvt_vd_min(dvt_vd a, dvt_vd b) {
    return _mm512_min_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_max(dvt_vd a, dvt_vd b) {
    return _mm512_max_pd(a, b);
}
DVT_INLINE dvt_vd dvt_vd_sqrt(dvt_vd a) {
    return _mm512_sqrt_pd(a);
}
DVT_INLINE dvt_vd dvt_vd_abs(dvt_vd a) {
    return _mm512_andnot_pd(_mm512_set1_pd(-0.0), a);
}
DVT_INLINE dvt_vd dvt_vd_neg(dvt_vd a) {
    return _mm512_xor_pd(_mm512_set1_pd(-0.0), a);
}
DVT_INLINE dvt_vd dvt_vd_round(dvt_vd a) {
    return _mm512_roundscale_pd(a, DVT_ROUND(_MM_FROUND_TO_NEAREST_INT));
}
DVT_INLINE dvt_vn dvt_vd_eq(dvt_vd a, dvt_vd b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_EQ_OQ);
}
DVT_INLINE dvt_vn dvt_vd_ne(dvt_vd a, dvt_vd b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_NEQ_UQ);
}
DVT_INLINE dvt_vn dvt_vd_lt(dvt_vd a, dvt_vd b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_LT_OQ);
}
DVT_INLINE dvt_vn dvt_vd_le(dvt_vd a, dvt_vd b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_LE_OQ);
}
DVT_INLINE dvt_vn dvt_vd_gt(dvt_vd a, dvt_vd b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_GT_OQ);
}
DVT_INLINE dvt_vn dvt_vd_ge(dvt_vd a, dvt_vd b) {
    return _mm512_cmp_pd_mask(a, b, _CMP_GE_OQ);
}
DVT_INLINE int dvt_vn_any(dvt_vn a) {
    return a != 0;
}
DVT_INLINE dvt_vd dvt_vd_select(dvt_vn m, dvt_vd a, dvt_vd b) {
    return _mm512_mask_blend_pd(m, b, a);
}

/* int64 */
DVT_INLINE dvt_vl dvt_vl_set1(int64_t x) {
    return _mm512_set1_epi64(x);
}
DVT_INLINE dvt_vl dvt_vl_add(dvt_vl a, dvt_vl b) {
    return _mm512_add_epi64(a, b);
}
DVT_INLINE dvt_vl dvt_vl_sub(dvt_vl a, dvt_vl b) {
    return _mm512_sub_epi64(a, b);
}
DVT_INLINE dvt_vl dvt_vl_and(dvt_vl a, dvt_vl b) {
    return _mm512_and_si512(a, b);
}
DVT_INLINE dvt_vl dvt_vl_or(dvt_vl a, dvt_vl b) {
    return _mm512_or_si512(a, b);
}
DVT_INLINE dvt_vl dvt_vl_andnot(dvt_vl a, dvt_vl b) {
    return _mm512_andnot_si512(a, b);
}
#define dvt_vl_shl(a, k) _mm512_slli_epi64(a, k)
#define dvt_vl_shr_logical(a, k) _mm512_srli_epi64(a, k)
DVT_INLINE dvt_vl dvt_vd_as_l(dvt_vd a) {
    return _mm512_castpd_si512(a);
}
DVT_INLINE dvt_vd dvt_vl_as_d(dvt_vl a) {
    return _mm512_castsi512_pd(a);
}

/* between the widths: the low and the high half of the lanes */
DVT_INLINE dvt_vd dvt_vf_low_d(dvt_vf a) {
    return _mm512_cvtps_pd(_mm512_castps512_ps256(a));
}
DVT_INLINE dvt_vd dvt_vf_high_d(dvt_vf a) {
    return _mm512_cvtps_pd(_mm512_extractf32x8_ps(a, 1));
}
DVT_INLINE dvt_vf dvt_vf_from_d(dvt_vd low, dvt_vd high) {
    return _mm512_insertf32x8(_mm512_castps256_ps512(_mm512_cvtpd_ps(low)), _mm512_cvtpd_ps(high),
                              1);
}
