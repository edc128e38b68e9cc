/* 16-bit floats in and out of float32, one at a time; rounding to nearest even. */
#ifndef DVT_CPU_MATMUL_HALF_H
#define DVT_CPU_MATMUL_HALF_H

#include <stdint.h>
#include <string.h>
#if defined(__F16C__)
#include <immintrin.h>
#endif

static inline float dvt_product_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static inline float dvt_product_from_bf16(uint16_t x) {
    return dvt_product_bits((uint32_t)x << 16);
}

static inline uint16_t dvt_product_to_bf16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    if ((bits & 0x7fffffffu) > 0x7f800000u) return (uint16_t)((bits >> 16) | 0x40u);
    return (uint16_t)((bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16);
}

#if defined(__F16C__)
static inline float dvt_product_from_f16(uint16_t x) {
    return _cvtsh_ss(x);
}
static inline uint16_t dvt_product_to_f16(float x) {
    return (uint16_t)_cvtss_sh(x, 0);
}
#elif defined(__aarch64__)
static inline float dvt_product_from_f16(uint16_t x) {
    __fp16 half;
    memcpy(&half, &x, sizeof half);
    return (float)half;
}
static inline uint16_t dvt_product_to_f16(float x) {
    __fp16 half = (__fp16)x;
    uint16_t bits;
    memcpy(&bits, &half, sizeof bits);
    return bits;
}
#else
static inline float dvt_product_from_f16(uint16_t x) {
    const uint32_t sign = (uint32_t)(x & 0x8000u) << 16, rest = x & 0x7fffu;
    float value;
    if (rest >= 0x7c00u)
        value = dvt_product_bits(0x7f800000u | (rest & 0x3ffu) << 13 |
                                 (rest > 0x7c00u ? 0x400000u : 0u));
    else if (rest >= 0x400u)
        value = dvt_product_bits((rest << 13) + 0x38000000u);
    else
        value = (float)rest * 0x1p-24f;
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return dvt_product_bits(bits | sign);
}

static inline uint16_t dvt_product_to_f16(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    const uint32_t sign = bits >> 16 & 0x8000u, rest = bits & 0x7fffffffu;
    if (rest > 0x7f800000u) return (uint16_t)(sign | 0x7e00u | (rest >> 13 & 0x3ffu));
    if (rest >= 0x477ff000u) return (uint16_t)(sign | 0x7c00u);
    if (rest >= 0x38800000u)
        return (uint16_t)(sign | (rest - 0x38000000u + 0xfffu + (rest >> 13 & 1u)) >> 13);
    /* Subnormal: the sum's own rounding places the bits at the end of the significand. */
    float sum = dvt_product_bits(rest) + 0.5f;
    memcpy(&bits, &sum, sizeof bits);
    return (uint16_t)(sign | (bits - 0x3f000000u));
}
#endif

#endif
