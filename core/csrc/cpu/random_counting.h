/* Logarithms of probabilities of counts, to full accuracy at any size: C. Loader, "Fast and accurate
 * computation of binomial probabilities", 2000. In portable operations (random_math.h). */
#ifndef DVT_CPU_RANDOM_COUNTING_H
#define DVT_CPU_RANDOM_COUNTING_H

#include "random_math.h"

#define DVT_TWO_PI 0x1.921fb54442d18p2
/* Where sequential search ends; below a mean of 10 the chance of more is under 1e-80. */
#define DVT_MOST_COUNT 128

/* log(k!) - log(sqrt(2 pi k) (k/e)^k) of a whole number k >= 1. */
static inline double dvt_stirling_error(double k) {
    static const double table[16] = {
        0,
        0x1.4c071bcda0a5bp-4,
        0x1.52a9b923ea649p-5,
        0x1.c579a268d80b3p-6,
        0x1.54a2662fd78a9p-6,
        0x1.10b4e513fcbedp-6,
        0x1.c6b167bebdf36p-7,
        0x1.85d4d612e4a86p-7,
        0x1.552805e7b3076p-7,
        0x1.2f4871b12ab64p-7,
        0x1.10f9d4c0743a7p-7,
        0x1.f0593088014f8p-8,
        0x1.c7018733aa9c6p-8,
        0x1.a40514700f36cp-8,
        0x1.86076c002d4a7p-8,
        0x1.6c08f6f194a10p-8,
    };
    if (k < 16) return table[(int)k];
    const double square = k * k;
    double sum = 1.0 / 1680 - 1.0 / 1188 / square;
    sum = 1.0 / 1260 - sum / square;
    sum = 1.0 / 360 - sum / square;
    return (1.0 / 12 - sum / square) / k;
}

/* x log(x / m) + m - x, which is never negative. */
static inline double dvt_deviance(double x, double m) {
    const double apart = x - m;
    if (!(fabs(apart) < 0.1 * (x + m))) return x * dvt_portable_log_f64(x / m) + m - x;
    const double v = apart / (x + m), square = v * v;
    double sum = 1.0 / 15 + square * (1.0 / 17);
    sum = 1.0 / 13 + square * sum;
    sum = 1.0 / 11 + square * sum;
    sum = 1.0 / 9 + square * sum;
    sum = 1.0 / 7 + square * sum;
    sum = 1.0 / 5 + square * sum;
    sum = 1.0 / 3 + square * sum;
    return apart * v + 2.0 * x * v * (square * sum);
}

/* log(1 - p), 0 <= p < 1, by Goldberg's quotient. */
static inline double dvt_log_complement(double p) {
    const double rest = 1.0 - p;
    return rest < 1 ? dvt_portable_log_f64(rest) * (p / (1.0 - rest)) : -p;
}

#endif
