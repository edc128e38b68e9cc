/* Numbers of twice the precision: unevaluated sums of two float64, some 104 bits. The sums and
 * products are Dekker's and Knuth's; log, exp and the gamma function are built on them, so that
 * what special_*.c compute from large logarithms that cancel is right to the last bit of a double.
 *
 * T. J. Dekker, "A floating-point technique for extending the available precision" (1971). */
#ifndef DVT_CPU_SPECIAL_DOUBLE_H
#define DVT_CPU_SPECIAL_DOUBLE_H

#include <math.h>

#define DVT_SPECIAL static inline __attribute__((unused))

typedef struct dvt_dd {
    double high, low;
} dvt_dd;

/* a + b exactly, where |a| >= |b| or a == 0. */
DVT_SPECIAL dvt_dd dvt_dd_fast_sum(double a, double b) {
    const double s = a + b;
    return (dvt_dd){s, b - (s - a)};
}

/* a + b exactly. */
DVT_SPECIAL dvt_dd dvt_dd_sum(double a, double b) {
    const double s = a + b, t = s - a;
    return (dvt_dd){s, (a - (s - t)) + (b - t)};
}

/* a * b exactly, unless it is near the ends of the exponents. */
DVT_SPECIAL dvt_dd dvt_dd_product(double a, double b) {
    const double p = a * b;
#ifdef __FP_FAST_FMA
    return (dvt_dd){p, __builtin_fma(a, b, -p)};
#else
    const double split = 0x1p27 + 1, c = split * a, d = split * b;
    const double a1 = c - (c - a), a2 = a - a1, b1 = d - (d - b), b2 = b - b1;
    return (dvt_dd){p, ((a1 * b1 - p) + a1 * b2 + a2 * b1) + a2 * b2};
#endif
}

DVT_SPECIAL dvt_dd dvt_dd_of(double a) {
    return (dvt_dd){a, 0};
}

DVT_SPECIAL double dvt_dd_value(dvt_dd a) {
    return a.high + a.low;
}

DVT_SPECIAL dvt_dd dvt_dd_neg(dvt_dd a) {
    return (dvt_dd){-a.high, -a.low};
}

DVT_SPECIAL dvt_dd dvt_dd_add(dvt_dd a, dvt_dd b) {
    const dvt_dd s = dvt_dd_sum(a.high, b.high), t = dvt_dd_sum(a.low, b.low);
    const dvt_dd u = dvt_dd_fast_sum(s.high, s.low + t.high);
    return dvt_dd_fast_sum(u.high, u.low + t.low);
}

DVT_SPECIAL dvt_dd dvt_dd_sub(dvt_dd a, dvt_dd b) {
    return dvt_dd_add(a, dvt_dd_neg(b));
}

DVT_SPECIAL dvt_dd dvt_dd_add_d(dvt_dd a, double b) {
    const dvt_dd s = dvt_dd_sum(a.high, b);
    return dvt_dd_fast_sum(s.high, s.low + a.low);
}

DVT_SPECIAL dvt_dd dvt_dd_mul(dvt_dd a, dvt_dd b) {
    const dvt_dd p = dvt_dd_product(a.high, b.high);
    return dvt_dd_fast_sum(p.high, p.low + (a.high * b.low + a.low * b.high));
}

DVT_SPECIAL dvt_dd dvt_dd_mul_d(dvt_dd a, double b) {
    const dvt_dd p = dvt_dd_product(a.high, b);
    return dvt_dd_fast_sum(p.high, p.low + a.low * b);
}

/* By a power of two, or where a rounding of both parts does not matter. */
DVT_SPECIAL dvt_dd dvt_dd_scale(dvt_dd a, double b) {
    return (dvt_dd){a.high * b, a.low * b};
}

DVT_SPECIAL dvt_dd dvt_dd_div(dvt_dd a, dvt_dd b) {
    const double q = a.high / b.high;
    const dvt_dd r = dvt_dd_sub(a, dvt_dd_mul_d(b, q));
    return dvt_dd_fast_sum(q, (r.high + r.low) / b.high);
}

DVT_SPECIAL dvt_dd dvt_dd_div_d(dvt_dd a, double b) {
    const double q = a.high / b;
    const dvt_dd p = dvt_dd_product(q, b);
    return dvt_dd_fast_sum(q, ((a.high - p.high) - p.low + a.low) / b);
}

/* The functions below are compiled once, in special_double.c. */

/* The natural logarithm of a normal a > 0. */
dvt_dd dvt_dd_log(dvt_dd a);

/* log(1 + a), a > -1. */
dvt_dd dvt_dd_log1p(dvt_dd a);

/* e^a * 2^-k, with k such that the result is of moderate size. */
dvt_dd dvt_dd_exp_scaled(dvt_dd a, int *k);

/* e^a, zero and infinity included. */
dvt_dd dvt_dd_exp(dvt_dd a);

/* log(gamma(a)) for a > 0. */
dvt_dd dvt_dd_log_gamma(dvt_dd a);

#endif
