/* The regularised incomplete gamma and beta functions, in twice the precision throughout: so the
 * complement of either is right, too, and their inverses can take differences. */
#include "special_coefficients.h"
#include "special_incomplete.h"

/* Below, the complement of gammainc is computed by itself. */
#define SMALL_A 1e-8

static dvt_dd complement(dvt_dd x) {
    return dvt_dd_add_d(dvt_dd_neg(x), 1);
}

dvt_dd dvt_gamma_front(double a, double x) {
    const dvt_dd power = dvt_dd_add_d(dvt_dd_mul_d(dvt_dd_log(dvt_dd_of(x)), a), -x);
    return dvt_dd_exp(dvt_dd_sub(power, dvt_dd_log_gamma(dvt_dd_sum(a, 1))));
}

/* P = front (1 + x/(a+1) + x^2/((a+1)(a+2)) + ...): DLMF 8.11.4. */
static dvt_dd gamma_series(double a, double x) {
    dvt_dd sum = dvt_dd_of(1), term = sum;
    for (int k = 1; term.high > 0x1p-90 * sum.high; k++) {
        term = dvt_dd_div(dvt_dd_mul_d(term, x), dvt_dd_sum(a, k));
        sum = dvt_dd_add(sum, term);
    }
    return dvt_dd_mul(dvt_gamma_front(a, x), sum);
}

/* Legendre's continued fraction of Q, DLMF 8.9.2 contracted; how many of its terms matter is found
 * by Lentz's method. Needs x > a + 1. */
int dvt_gamma_fraction_length(double a, double x) {
    double b = x + 1 - a, c = HUGE_VAL, d = 1 / b;
    for (int k = 1; k < 100000; k++) {
        const double an = k * (a - k);
        b += 2;
        d = 1 / (b + an * d);
        c = b + (c < HUGE_VAL ? an / c : 0);
        if (fabs(c * d - 1) < 0x1p-50) return k + 4;
    }
    return 100000;
}

static dvt_dd gamma_fraction(double a, double x) {
    const int n = dvt_gamma_fraction_length(a, x);
    const dvt_dd first = dvt_dd_add_d(dvt_dd_sum(x, -a), 1);
    dvt_dd rest = dvt_dd_add_d(first, 2 * n);
    for (int k = n; k >= 1; k--) {
        const dvt_dd an = dvt_dd_mul_d(dvt_dd_sum(a, -k), k);
        rest = dvt_dd_add(dvt_dd_add_d(first, 2 * (k - 1)), dvt_dd_div(an, rest));
    }
    return dvt_dd_div(dvt_dd_mul_d(dvt_gamma_front(a, x), a), rest);
}

/* N. Temme's uniform expansion, DLMF 8.12.3-4: P for upper 0, Q for upper 1. */
static double gamma_uniform(double a, double x, int upper) {
    const dvt_dd ratio = dvt_dd_div_d(dvt_dd_of(x), a);
    const dvt_dd log = dvt_dd_mul_d(dvt_dd_log(ratio), a);
    const dvt_dd e = dvt_dd_sub(dvt_dd_sum(x, -a), log); /* a eta^2 / 2 */
    const double size = sqrt(fmax(e.high, 0)), y = x < a ? -size : size;
    const double eta = y * sqrt(2 / a);
    const double sum =
        DVT_SPECIAL_POLYNOMIAL(eta, dvt_temme_0) +
        (DVT_SPECIAL_POLYNOMIAL(eta, dvt_temme_1) +
         (DVT_SPECIAL_POLYNOMIAL(eta, dvt_temme_2) + DVT_SPECIAL_POLYNOMIAL(eta, dvt_temme_3) / a) /
             a) /
            a;
    const double rest = sum / sqrt(6.28318530717958647693 * a);
    if (e.high > 745) return (x < a) == upper;
    const double scale = exp(-e.high) * (1 - e.low);
    /* the smaller of the two by erfcx, the other as what is left */
    const double q = x < a ? 0.5 * dvt_erfcx(size) - rest : 0.5 * dvt_erfcx(size) + rest;
    return (x < a) == upper ? 1 - scale * q : scale * q;
}

/* Q for an a so small that it would be lost in 1 - P, and x <= 1: of both terms of 1 - P the factor
 * a is taken out. */
static double gamma_small(double a, double x) {
    const double log_front = log(x) + 0.57721566490153286061 - a * 0.82246703342411321824;
    double sum = 0, power = 1;
    for (int k = 1; k < 25; k++) {
        power *= -x / k;
        sum += power / (a + k);
    }
    return -(expm1(a * log_front) + a * exp(a * log_front) * sum);
}

dvt_dd dvt_gammainc_part(double a, double x, int upper) {
    if (a >= DVT_LARGE_A) return dvt_dd_of(gamma_uniform(a, x, upper));
    const int small = a < SMALL_A && upper;
    if (small && x <= 1) return dvt_dd_of(gamma_small(a, x));
    if (small || x > a + 5 + 5 * sqrt(a)) {
        const dvt_dd q = x - a > 800 + 60 * sqrt(a) ? dvt_dd_of(0) : gamma_fraction(a, x);
        return upper ? q : complement(q);
    }
    const dvt_dd p = gamma_series(a, x);
    return upper ? complement(p) : p;
}

/* Both functions at the edges: 1 where the whole is below x, NaN outside the domain. */
static int gamma_edge(double a, double x, double *p) {
    if (a != a || x != x)
        *p = a + x;
    else if (a < 0 || x < 0 || (a == 0 && x == 0) || (a == HUGE_VAL && x == HUGE_VAL))
        *p = NAN;
    else if (x == 0 || a == HUGE_VAL)
        *p = 0;
    else if (a == 0 || x == HUGE_VAL)
        *p = 1;
    else
        return 0;
    return 1;
}

double dvt_gammainc(double a, double x) {
    double p;
    return gamma_edge(a, x, &p) ? p : dvt_dd_value(dvt_gammainc_part(a, x, 0));
}

double dvt_gammaincc(double a, double x) {
    double p;
    return gamma_edge(a, x, &p) ? 1 - p : dvt_dd_value(dvt_gammainc_part(a, x, 1));
}

dvt_dd dvt_beta_front(double a, double b, dvt_dd x, dvt_dd y) {
    const dvt_dd power = dvt_dd_add(dvt_dd_mul_d(dvt_dd_log(x), a), dvt_dd_mul_d(dvt_dd_log(y), b));
    const dvt_dd below =
        dvt_dd_add(dvt_dd_log_gamma(dvt_dd_sum(a, 1)), dvt_dd_log_gamma(dvt_dd_of(b)));
    return dvt_dd_exp(dvt_dd_add(dvt_dd_sub(power, below), dvt_dd_log_gamma(dvt_dd_sum(a, b))));
}

/* The continued fraction DLMF 8.17.22, which is quick where x < (a + 1) / (a + b + 2). */
int dvt_beta_fraction_length(double a, double b, double x) {
    double c = 1, d = 1 / (1 - (a + b) * x / (a + 1));
    for (int m = 1; m < 100000; m++) {
        const double even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m));
        d = 1 / (1 + even * d);
        c = 1 + even / c;
        const double odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1));
        d = 1 / (1 + odd * d);
        c = 1 + odd / c;
        if (fabs(c * d - 1) < 0x1p-50) return m + 3;
    }
    return 100000;
}

static dvt_dd beta_fraction(double a, double b, dvt_dd x, dvt_dd y) {
    const int n = dvt_beta_fraction_length(a, b, x.high);
    const dvt_dd both = dvt_dd_sum(a, b);
    dvt_dd rest = dvt_dd_of(1);
    for (int m = n; m >= 0; m--) {
        const dvt_dd middle = dvt_dd_sum(a, 2 * m), scaled = dvt_dd_div(x, middle);
        /* 1 - (a+m)(a+b+m) x / ((a+2m)(a+2m+1)) / rest */
        dvt_dd odd = dvt_dd_mul(dvt_dd_sum(a, m), dvt_dd_add_d(both, m));
        odd = dvt_dd_div(dvt_dd_mul(odd, scaled), dvt_dd_mul(dvt_dd_add_d(middle, 1), rest));
        rest = dvt_dd_add_d(dvt_dd_neg(odd), 1);
        if (m == 0) break;
        /* 1 + m (b-m) x / ((a+2m-1)(a+2m)) / rest */
        dvt_dd even = dvt_dd_mul_d(dvt_dd_sum(b, -m), m);
        even = dvt_dd_div(dvt_dd_mul(even, scaled), dvt_dd_mul(dvt_dd_add_d(middle, -1), rest));
        rest = dvt_dd_add_d(even, 1);
    }
    return dvt_dd_div(dvt_beta_front(a, b, x, y), rest);
}

/* The quick side gives one part and leaves the other; of one that is so small that even twice the
 * precision loses it in 1 the fraction is taken on the slow side, which converges all the same. */
dvt_dd dvt_betainc_part(double a, double b, dvt_dd x, dvt_dd y, int upper) {
    const int turned = x.high * (a + b + 2) > a + 1;
    const dvt_dd quick = turned ? beta_fraction(b, a, y, x) : beta_fraction(a, b, x, y);
    if (turned == upper) return quick;
    const dvt_dd left = complement(quick);
    if (left.high > 0x1p-45) return left;
    return turned ? beta_fraction(a, b, x, y) : beta_fraction(b, a, y, x);
}

static int beta_edge(double a, double b, double x, double *p) {
    if (a != a || b != b || x != x)
        *p = a + b + x;
    else if (a < 0 || b < 0 || x < 0 || x > 1 || (a == 0 && b == 0) ||
             (a == HUGE_VAL && b == HUGE_VAL))
        *p = NAN;
    else if (x == 0 || b == 0 || a == HUGE_VAL)
        *p = x == 1;
    else if (x == 1 || a == 0 || b == HUGE_VAL)
        *p = 1;
    else
        return 0;
    return 1;
}

double dvt_betainc(double a, double b, double x) {
    double p;
    if (beta_edge(a, b, x, &p)) return p;
    return dvt_dd_value(dvt_betainc_part(a, b, dvt_dd_of(x), dvt_dd_sum(1, -x), 0));
}

double dvt_betaincc(double a, double b, double x) {
    double p;
    if (beta_edge(a, b, x, &p)) return 1 - p;
    return dvt_dd_value(dvt_betainc_part(a, b, dvt_dd_of(x), dvt_dd_sum(1, -x), 1));
}
