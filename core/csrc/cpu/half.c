/* Conversion of 16-bit floats. */
#include "half.h"

#include <string.h>

#if defined(__F16C__)
#include <immintrin.h>
#endif

static inline float as_float(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline uint32_t as_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

static void widen_bf16(float *to, const uint16_t *from, size_t n) {
    for (size_t i = 0; i < n; i++) to[i] = as_float((uint32_t)from[i] << 16);
}

static void narrow_bf16(uint16_t *to, const float *from, size_t n) {
    for (size_t i = 0; i < n; i++) {
        const uint32_t bits = as_bits(from[i]);
        const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
        /* Rounding would carry a NaN over to zero. */
        const uint32_t quiet = (bits >> 16) | 0x40u;
        to[i] = (uint16_t)((bits & 0x7fffffffu) > 0x7f800000u ? quiet : rounded);
    }
}

/* A normal half is a float with the exponent moved by 112. Subnormal ones are placed below the
 * mantissa of 2^-14 and this is subtracted: exact, and the number is normalised on the way. */
static inline float widen_f16_one(uint16_t half) {
    const uint32_t shifted = (uint32_t)(half & 0x7fffu) << 13;
    const uint32_t sign = (uint32_t)(half & 0x8000u) << 16;
    const uint32_t exponent = shifted & 0x0f800000u;
    const float subnormal = as_float(shifted + 0x38800000u) - 0x1p-14f;
    const uint32_t offset = exponent == 0x0f800000u ? 0x70000000u : 0x38000000u;
    return as_float((exponent == 0 ? as_bits(subnormal) : shifted + offset) | sign);
}

/* Below 2^-14 the addition of 0.5 rounds to multiples of 2^-24, half to even, in the low bits. */
static inline uint16_t narrow_f16_one(float value) {
    const uint32_t bits = as_bits(value), size = bits & 0x7fffffffu;
    const uint32_t sign = (bits >> 16) & 0x8000u;
    const uint32_t subnormal = as_bits(as_float(size) + 0.5f) - 0x3f000000u;
    const uint32_t normal = (size + 0xfffu + ((size >> 13) & 1u) - 0x38000000u) >> 13;
    const uint32_t special = size > 0x7f800000u ? 0x7e00u | ((size >> 13) & 0x3ffu) : 0x7c00u;
    const uint32_t magnitude = size < 0x38800000u   ? subnormal
                               : size < 0x477ff000u ? normal
                                                    : special;
    return (uint16_t)(sign | magnitude);
}

static void widen_f16(float *to, const uint16_t *from, size_t n) {
    size_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16)
        _mm512_storeu_ps(to + i, _mm512_cvtph_ps(_mm256_loadu_si256((const void *)(from + i))));
#endif
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm256_storeu_ps(to + i, _mm256_cvtph_ps(_mm_loadu_si128((const void *)(from + i))));
#endif
    for (; i < n; i++) to[i] = widen_f16_one(from[i]);
}

static void narrow_f16(uint16_t *to, const float *from, size_t n) {
    size_t i = 0;
#if defined(__AVX512F__)
    for (; i + 16 <= n; i += 16)
        _mm256_storeu_si256((void *)(to + i),
                            _mm512_cvtps_ph(_mm512_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
#if defined(__F16C__)
    for (; i + 8 <= n; i += 8)
        _mm_storeu_si128((void *)(to + i),
                         _mm256_cvtps_ph(_mm256_loadu_ps(from + i), _MM_FROUND_TO_NEAREST_INT));
#endif
    for (; i < n; i++) to[i] = narrow_f16_one(from[i]);
}

void dvt_half_widen(dvt_half half, float *to, const void *from, size_t n) {
    if (half == DVT_HALF_F16)
        widen_f16(to, from, n);
    else
        widen_bf16(to, from, n);
}

void dvt_half_narrow(dvt_half half, void *to, const float *from, size_t n) {
    if (half == DVT_HALF_F16)
        narrow_f16(to, from, n);
    else
        narrow_bf16(to, from, n);
}
