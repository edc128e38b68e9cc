/* What the incomplete functions share with their derivatives and inverses. */
#ifndef DVT_CPU_SPECIAL_INCOMPLETE_H
#define DVT_CPU_SPECIAL_INCOMPLETE_H

#include "special_functions.h"

/* From this a on the uniform asymptotic expansion of gammainc takes four terms for full precision,
 * and the series would take thousands. */
#define DVT_LARGE_A 1e5

/* x^a e^-x / gamma(a + 1), and x^a y^b / (a beta(a, b)) */
dvt_dd dvt_gamma_front(double a, double x);
dvt_dd dvt_beta_front(double a, double b, dvt_dd x, dvt_dd y);

/* How many terms of the continued fractions matter: of gammaincc for x > a + 1, and of betainc for
 * x < (a + 1) / (a + b + 2). */
int dvt_gamma_fraction_length(double a, double x);
int dvt_beta_fraction_length(double a, double b, double x);

/* The functions inside their domain, the edges excluded: with `upper` 1 minus them. y is 1 - x. */
dvt_dd dvt_gammainc_part(double a, double x, int upper);
dvt_dd dvt_betainc_part(double a, double b, dvt_dd x, dvt_dd y, int upper);

#endif
