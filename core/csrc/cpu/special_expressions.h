/* Special functions that are short expressions of the C library's. */
#ifndef DVT_CPU_SPECIAL_EXPRESSIONS_H
#define DVT_CPU_SPECIAL_EXPRESSIONS_H

#include "special_functions.h"

/* x log(y), 0 where x is 0 whatever y, unless that is NaN. */
DVT_SPECIAL double dvt_xlogy(double x, double y) {
    return x == 0 && y == y ? 0 : x * log(y);
}

DVT_SPECIAL double dvt_xlog1py(double x, double y) {
    return x == 0 && y == y ? 0 : x * log1p(y);
}

/* -x log(x) */
DVT_SPECIAL double dvt_entr(double x) {
    return x > 0 ? -x * log(x) : x == 0 ? 0 : x < 0 ? -HUGE_VAL : x;
}

/* x log(x / y), without rounding the quotient where it is near 1 or has no number. */
DVT_SPECIAL double dvt_rel_entr(double x, double y) {
    if (x != x || y != y) return x + y;
    if (!(x > 0 && y > 0)) return x == 0 && y >= 0 ? 0 : HUGE_VAL;
    const double ratio = x / y;
    if (ratio > 0.5 && ratio < 2) return x * log1p((x - y) / y);
    if (ratio > 0x1p-1022 && ratio < HUGE_VAL) return x * log(ratio);
    return x * (log(x) - log(y));
}

DVT_SPECIAL double dvt_kl_far(double x, double y) {
    return x < HUGE_VAL && y < HUGE_VAL ? dvt_rel_entr(x, y) - x + y : HUGE_VAL;
}

DVT_SPECIAL double dvt_kl_div(double x, double y) {
    if (x != x || y != y) return x + y;
    if (!(x > 0 && y > 0)) return x == 0 && y >= 0 ? y : HUGE_VAL;
    const double t = (x - y) / y;
    if (!(t >= -0.8 && t <= 4)) return dvt_kl_far(x, y);
    if (!(fabs(t) <= 0.1)) { /* the three terms cancel by some digits */
        const dvt_dd ratio = dvt_dd_div_d(dvt_dd_of(x), y);
        const dvt_dd product = dvt_dd_mul_d(dvt_dd_log(ratio), x);
        return dvt_dd_value(dvt_dd_add(product, dvt_dd_sum(y, -x)));
    }
    /* y ((1 + t) log(1 + t) - t) = y t^2 (1/2 - t/6 + t^2/12 - ...), where the three terms cancel */
    double sum = 0;
    for (int k = 16; k >= 2; k--) sum = 1.0 / (k * (k - 1)) - t * sum;
    return (x - y) * t * sum;
}

/* log(x / (1 - x)): twice the inverse hyperbolic tangent of 2 x - 1 where that is small. */
DVT_SPECIAL double dvt_logit(double x) {
    return x > 0.25 && x < 0.75 ? 2 * atanh(2 * (x - 0.5)) : log(x / (1 - x));
}

/* log(1 / (1 + e^-x)) */
DVT_SPECIAL double dvt_log_expit(double x) {
    return x < 0 ? x - log1p(exp(x)) : -log1p(exp(-x));
}

/* sin(pi x) / (pi x); x less a whole number is exact. */
DVT_SPECIAL double dvt_sinc(double x) {
    if (fabs(x) < 0x1p-30) return 1;
    if (fabs(x) == HUGE_VAL) return NAN;
    const double n = nearbyint(x), s = sin(3.14159265358979323846 * (x - n));
    return (fmod(n, 2) != 0 ? -s : s) / (3.14159265358979323846 * x);
}

#endif
