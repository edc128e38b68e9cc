/* log, exp and the normal quantile in operations that every IEEE machine rounds alike: add, subtract,
 * multiply, divide, square root, comparison and the bits of a number, in the order written here. So
 * they give the same bits in every variant, on every device and in numpy, where the same formulas
 * stand in ops/portable_formulas.py. Never compile this with contraction of a*b+c.
 *
 * log and exp: reduction and forms as in fdlibm (s = f / (2 + f); two parts of log 2), coefficients by
 * the Remez exchange of coefficients.py. The quantile: M. Wichura, "Algorithm AS 241: the percentage
 * points of the normal distribution", Applied Statistics 37 (1988): PPND16, and PPND7 for float32.
 *
 * Without branches, so that compilers make vectors of loops over them. */
#ifndef DVT_CPU_RANDOM_MATH_H
#define DVT_CPU_RANDOM_MATH_H

#include <math.h>
#include <stdint.h>
#include <string.h>

#define DVT_PORTABLE static inline __attribute__((always_inline, unused))

DVT_PORTABLE double dvt_bits_f64(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
DVT_PORTABLE uint64_t dvt_f64_bits(double x) {
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}
DVT_PORTABLE float dvt_bits_f32(uint32_t bits) {
    float x;
    memcpy(&x, &bits, sizeof x);
    return x;
}
DVT_PORTABLE uint32_t dvt_f32_bits(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

/* A whole number below 2^53, exactly; vector units before AVX-512 have no instruction for it. */
DVT_PORTABLE double dvt_whole_f64(uint64_t n) {
    const double high = dvt_bits_f64((n >> 32) | 0x4530000000000000u); /* 2^84 + high half * 2^32 */
    const double low = dvt_bits_f64((n & 0xffffffffu) | 0x4330000000000000u); /* 2^52 + low half */
    return (high - 0x1.00000001p84) + low;
}

/* ---- log ---------------------------------------------------------------------------------------- */

/* Of a positive normal number. */
DVT_PORTABLE double dvt_log_positive_f64(double x) {
    const uint64_t root = 0x3fe6a09e667f3bcdu, one = 0x3ff0000000000000u;
    const uint64_t bits = dvt_f64_bits(x) + (one - root);
    /* x = 2^k m with sqrt(1/2) <= m < sqrt(2); 1023 + k stands above the significand now. */
    const double k = dvt_bits_f64((bits >> 52) | 0x4330000000000000u) - (0x1p52 + 1023);
    const double f = dvt_bits_f64((bits & 0x000fffffffffffffu) + root) - 1.0;
    const double s = f / (f + 2.0), z = s * s, half = f * f * 0.5;
    double p = 0x1.2f0d872453130p-3;
    p = p * z + 0x1.39a0f59c9f46fp-3;
    p = p * z + 0x1.7466462857e79p-3;
    p = p * z + 0x1.c71c51e8002dap-3;
    p = p * z + 0x1.2492494217ab2p-2;
    p = p * z + 0x1.999999997fb2fp-2;
    p = p * z + 0x1.5555555555593p-1;
    const double low = s * (half + z * p) + k * 0x1.473de6af278edp-34;
    return k * 0x1.62e42fefp-1 - ((half - low) - f);
}

DVT_PORTABLE float dvt_log_positive_f32(float x) {
    const uint32_t root = 0x3f3504f3u, one = 0x3f800000u;
    const uint32_t bits = dvt_f32_bits(x) + (one - root);
    const float k = (float)((int32_t)(bits >> 23) - 127);
    const float f = dvt_bits_f32((bits & 0x007fffffu) + root) - 1.0f;
    const float s = f / (f + 2.0f), z = s * s, half = f * f * 0.5f;
    float p = 0x1.e2fdc2p-3f;
    p = p * z + 0x1.2438a8p-2f;
    p = p * z + 0x1.999a7cp-2f;
    p = p * z + 0x1.555554p-1f;
    const float low = s * (half + z * p) + k * 0x1.7f7d1cp-20f;
    return k * 0x1.62e4p-1f - ((half - low) - f);
}

/* Of any number: minus infinity at 0, NaN below. */
DVT_PORTABLE double dvt_portable_log_f64(double x) {
    const int small = x < 0x1p-1022;
    double y = dvt_log_positive_f64(small ? x * 0x1p54 : x);
    const double lifted = y - 54 * 0x1.62e42fefa39efp-1;
    y = small ? lifted : y;
    y = x > 0x1.fffffffffffffp1023 ? (double)INFINITY : y;
    y = x > 0 ? y : x == 0 ? -(double)INFINITY : (double)NAN;
    return y;
}

DVT_PORTABLE float dvt_portable_log_f32(float x) {
    const int small = x < 0x1p-126f;
    float y = dvt_log_positive_f32(small ? x * 0x1p25f : x);
    const float lifted = y - 25 * 0x1.62e43p-1f;
    y = small ? lifted : y;
    y = x > 0x1.fffffep127f ? INFINITY : y;
    y = x > 0 ? y : x == 0 ? -INFINITY : NAN;
    return y;
}

/* ---- exp ---------------------------------------------------------------------------------------- */

/* 2^n for a whole n, -1022 <= n <= 1023. */
DVT_PORTABLE double dvt_power_of_two_f64(double n) {
    return dvt_bits_f64((dvt_f64_bits(n + 0x1.8p52) + 1023) << 52);
}

DVT_PORTABLE double dvt_portable_exp_f64(double x) {
    double bounded = x < 710.0 ? x : 710.0; /* NaN too; it comes back below */
    bounded = bounded > -750.0 ? bounded : -750.0;
    const double n = (bounded * 0x1.71547652b82fep+0 + 0x1.8p52) - 0x1.8p52;
    const double r = (bounded - n * 0x1.62e42fefp-1) - n * 0x1.473de6af278edp-34;
    double p = 0x1.1fa16b6c59de1p-29;
    p = p * r + 0x1.af72113437429p-26;
    p = p * r + 0x1.27e4bcc693902p-22;
    p = p * r + 0x1.71ddec922f16fp-19;
    p = p * r + 0x1.a01a01b59167fp-16;
    p = p * r + 0x1.a01a01b4ed3dep-13;
    p = p * r + 0x1.6c16c16c13106p-10;
    p = p * r + 0x1.111111110e8a2p-7;
    p = p * r + 0x1.555555555555ep-5;
    p = p * r + 0x1.555555555555cp-3;
    p = p * r + 0.5;
    const double e = (r * r * p + r) + 1.0;
    const double half = (n * 0.5 + 0x1.8p52) - 0x1.8p52;
    const double y = e * dvt_power_of_two_f64(half) * dvt_power_of_two_f64(n - half);
    return x == x ? y : x;
}

DVT_PORTABLE float dvt_power_of_two_f32(float n) {
    return dvt_bits_f32((dvt_f32_bits(n + 0x1.8p23f) + 127) << 23);
}

DVT_PORTABLE float dvt_portable_exp_f32(float x) {
    float bounded = x < 89.0f ? x : 89.0f;
    bounded = bounded > -110.0f ? bounded : -110.0f;
    const float n = (bounded * 0x1.715476p+0f + 0x1.8p23f) - 0x1.8p23f;
    const float r = (bounded - n * 0x1.62e4p-1f) - n * 0x1.7f7d1cp-20f;
    float p = 0x1.6dbc66p-10f;
    p = p * r + 0x1.124148p-7f;
    p = p * r + 0x1.555454p-5f;
    p = p * r + 0x1.555486p-3f;
    p = p * r + 0.5f;
    const float e = (r * r * p + r) + 1.0f;
    const float half = (n * 0.5f + 0x1.8p23f) - 0x1.8p23f;
    const float y = e * dvt_power_of_two_f32(half) * dvt_power_of_two_f32(n - half);
    return x == x ? y : x;
}

#endif
