/* Exponential integrals. */
#include "special_coefficients.h"
#include "special_functions.h"

/* Beyond 1 the continued fraction DLMF 6.9.1 in its contracted form, from the end. */
double dvt_exp1(double x) {
    if (!(x > 0)) return x == 0 ? HUGE_VAL : NAN;
    if (x <= 1) return DVT_SPECIAL_POLYNOMIAL(x - 0.5, dvt_exp1_near) - log(x);
    if (x > 740) return 0;
    const int n = 8 + (int)(90 / x);
    double rest = x + 2 * n + 1;
    for (int k = n; k >= 1; k--) rest = x + (2 * k - 1) - (double)k * k / rest;
    return exp(-x) / rest;
}

/* The power series has no sign changes on the right; from 50 on the asymptotic series reaches the
 * last bit before it diverges. The terms are summed in twice the precision: there are many. */
double dvt_expi(double x) {
    if (x != x) return x;
    if (x <= 0) return x == 0 ? -HUGE_VAL : -dvt_exp1(-x);
    if (x < 0x1p-1000) return log(x) + 0.57721566490153286061;
    if (x == HUGE_VAL) return x;
    if (x < 2) {
        const double near = (x - DVT_EXPI_ZERO_HIGH) - DVT_EXPI_ZERO_LOW;
        const double relative = near / DVT_EXPI_ZERO_HIGH;
        const double log_part = x > 0.2 && x < 0.7 ? log1p(relative) : log(x / DVT_EXPI_ZERO_HIGH);
        return log_part + near * DVT_SPECIAL_POLYNOMIAL(x - 1, dvt_expi_near);
    }
    if (x < 50) {
        dvt_dd sum = dvt_dd_of(0.57721566490153286061), power = dvt_dd_of(1);
        for (int k = 1; power.high > 0x1p-56 * sum.high; k++) {
            power = dvt_dd_div_d(dvt_dd_mul_d(power, x), k);
            sum = dvt_dd_add(sum, dvt_dd_div_d(power, k));
        }
        return dvt_dd_value(dvt_dd_add_d(sum, log(x)));
    }
    double sum = 0,
           term = 1; /* the 1 before the sum would round every term to its own last place */
    for (int k = 1; k < 50 && term > 0x1p-58; k++) {
        term *= k / x;
        sum += term;
    }
    if (x < 700) return exp(x) / x * (1 + sum);
    const double e = exp(0.5 * x);
    return e / x * (1 + sum) * e;
}
