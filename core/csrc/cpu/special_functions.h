/* Special functions of one to three float64. Their names and edges are those of scipy.special;
 * what each is computed from stands where it is defined. */
#ifndef DVT_CPU_SPECIAL_FUNCTIONS_H
#define DVT_CPU_SPECIAL_FUNCTIONS_H

#include "special_double.h"

/* c[0] + c[1] x + ... + c[count-1] x^(count-1) */
DVT_SPECIAL double dvt_special_polynomial(double x, const double *c, int count) {
    double sum = c[count - 1];
    for (int i = count - 2; i >= 0; i--) sum = sum * x + c[i];
    return sum;
}
#define DVT_SPECIAL_POLYNOMIAL(x, c) dvt_special_polynomial(x, c, (int)(sizeof(c) / sizeof((c)[0])))

/* special_gamma.c */
double dvt_gammaln(double x);
double dvt_gamma(double x);
double dvt_digamma(double x);
double dvt_zeta(double s, double q);
double dvt_polygamma(double n, double x);
double dvt_beta(double a, double b);
double dvt_betaln(double a, double b);

/* special_error.c */
double dvt_erfc(double x);
double dvt_erfcx(double x);
double dvt_erfinv(double x);
double dvt_erfcinv(double x);
double dvt_ndtr(double x);
double dvt_ndtri(double p);
double dvt_log_ndtr(double x);

/* special_bessel.c */
double dvt_i0(double x);
double dvt_i0e(double x);
double dvt_i1(double x);
double dvt_i1e(double x);

/* special_integral.c */
double dvt_exp1(double x);
double dvt_expi(double x);

/* special_incomplete.c: regularised; gammaincc and betaincc are 1 minus the other */
double dvt_gammainc(double a, double x);
double dvt_gammaincc(double a, double x);
double dvt_betainc(double a, double b, double x);
double dvt_betaincc(double a, double b, double x);

/* special_inverse.c */
double dvt_gammaincinv(double a, double p);
double dvt_gammainccinv(double a, double q);
double dvt_betaincinv(double a, double b, double p);

/* special_derivative.c: of order i in a, and j in b; up to DVT_DERIVATIVE_ORDER */
#define DVT_DERIVATIVE_ORDER 4
double dvt_gammainc_derivative(double a, double x, int i);
double dvt_betainc_derivative(double a, double b, double x, int i, int j);

#endif
