/* The gamma function and its kin. */
#include "special_coefficients.h"
#include "special_functions.h"

#define PI 3.14159265358979323846

double dvt_gammaln(double x) {
    int sign;
    return x == -HUGE_VAL ? x : lgamma_r(x, &sign); /* as scipy: it has no limit there */
}

/* pi / sin(pi x), exact where x is a multiple of a half. */
static double reflection(double x) {
    const double n = nearbyint(x), s = sin(PI * (x - n));
    return PI / (fmod(n, 2) != 0 ? -s : s);
}

double dvt_gamma(double x) {
    if (x == 0) return copysign(HUGE_VAL, x);
    if (!(x > -HUGE_VAL) || (x < 0 && x == floor(x))) return x == x ? NAN : x;
    if (x > 171.7) return HUGE_VAL;
    if (x >= 0.5) return dvt_dd_value(dvt_dd_exp(dvt_dd_log_gamma(dvt_dd_of(x))));
    if (x < -184) return fmod(floor(x), 2) != 0 ? -0.0 : 0.0;
    /* gamma(x) gamma(1 - x) = pi / sin(pi x), in two steps where gamma(1 - x) overflows */
    int k;
    const dvt_dd y = dvt_dd_log_gamma(dvt_dd_sum(1, -x));
    const dvt_dd e = dvt_dd_exp_scaled(dvt_dd_neg(y), &k);
    return ldexp(reflection(x) * dvt_dd_value(e), k);
}

/* Bernoulli numbers B(2k) / (2k), k = 1, 2, ... */
static const double digamma_asymptotic[] = {1.0 / 12,  -1.0 / 120,     1.0 / 252, -1.0 / 240,
                                            1.0 / 132, -691.0 / 32760, 1.0 / 12,  -3617.0 / 8160};

static double digamma_unit(double x) {
    const double near = (x - DVT_DIGAMMA_ZERO_HIGH) - DVT_DIGAMMA_ZERO_LOW;
    return near * DVT_SPECIAL_POLYNOMIAL(x - 1.5, dvt_digamma_near);
}

double dvt_digamma(double x) {
    if (fabs(x) < 0x1p-1000) return -1 / x;
    if (x == -HUGE_VAL || (x < 0 && x == floor(x))) return NAN;
    if (x > -0.95 && x < -0.05) {
        const double p = DVT_SPECIAL_POLYNOMIAL(x + 0.5, dvt_digamma_left);
        const double near = (x - DVT_DIGAMMA_LEFT_ZERO_HIGH) - DVT_DIGAMMA_LEFT_ZERO_LOW;
        return near * p / (x * (x + 1));
    }
    double reflected = 0;
    if (x < -10) { /* psi(x) = psi(1 - x) - pi / tan(pi x) */
        reflected = -PI / tan(PI * (x - nearbyint(x)));
        x = 1 - x;
    }
    if (x >= 10) {
        const double u = 1 / (x * x);
        const double tail = u * DVT_SPECIAL_POLYNOMIAL(u, digamma_asymptotic);
        return (log(x) - 0.5 / x - tail) + reflected;
    }
    /* psi(x + 1) = psi(x) + 1/x, with a sum of many terms that may cancel in twice the precision */
    dvt_dd sum = dvt_dd_of(0), at = dvt_dd_of(x);
    for (; at.high > 2; at = dvt_dd_add_d(at, -1))
        sum = dvt_dd_add(sum, dvt_dd_div(dvt_dd_of(1), dvt_dd_add_d(at, -1)));
    for (; at.high < 1; at = dvt_dd_add_d(at, 1))
        sum = dvt_dd_sub(sum, dvt_dd_div(dvt_dd_of(1), at));
    return dvt_dd_value(dvt_dd_add_d(sum, digamma_unit(at.high)));
}

/* B(2k) / (2k)! */
static const double euler_maclaurin[] = {
    0x1.5555555555555p-4,  -0x1.6c16c16c16c17p-10, 0x1.1566abc011567p-15, -0x1.bbd779334ef0bp-21,
    0x1.66a8f2bf70ebep-26, -0x1.22805d644267fp-31, 0x1.d6db2c4e09162p-37, -0x1.7da4e1f79955cp-42,
    0x1.355871d652e9ep-47, -0x1.f57d968caacf1p-53, 0x1.967e1f09c376fp-58, -0x1.497d9033a2b5cp-63,
};

/* (q + low)^-s, of which q + low is the exact base */
static double term_of(double s, dvt_dd base) {
    return pow(base.high, -s) * (1 - s * (base.low / base.high));
}

/* The sum over k of (q + k)^-s by Euler and Maclaurin: DLMF 25.11.43. */
static double zeta_sum(double s, double q) {
    const double enough = 10 + 0.8 * s;
    if (q > 1e15) return pow(q, 1 - s) * (1 / (s - 1) + 0.5 / q); /* q^-s may have no number */
    dvt_dd sum = dvt_dd_of(0), base = dvt_dd_of(q);
    for (int k = 1; base.high < enough; k++) {
        const double term = term_of(s, base);
        if (!(fabs(term) < HUGE_VAL)) return term > 0 || base.high > 0 ? HUGE_VAL : term;
        sum = dvt_dd_add_d(sum, term);
        if (base.high > 0 && fabs(term) <= 0x1p-60 * fabs(sum.high)) return sum.high;
        base = dvt_dd_sum(q, k);
    }
    const double a = base.high, power = term_of(s, base), u = 1 / (a * a);
    double factor = s / a, tail = 0.5;
    for (int k = 0; k < 12; k++) {
        tail += factor * euler_maclaurin[k];
        factor *= (s + 2 * k + 1) * (s + 2 * k + 2) * u;
    }
    /* the integral last, which may be much larger than the rest */
    sum = dvt_dd_add_d(sum, power * tail);
    const dvt_dd ratio = dvt_dd_div_d(base, s - 1);
    return dvt_dd_value(dvt_dd_add(sum, dvt_dd_mul_d(ratio, power)));
}

double dvt_zeta(double s, double q) {
    if (s != s || q != q) return s + q;
    if (s == 1) return HUGE_VAL;
    if (s < 1) return NAN;
    if (q <= 0) {
        if (q == floor(q)) return HUGE_VAL;
        if (s != floor(s) || s == HUGE_VAL || q == -HUGE_VAL) return NAN;
        if (q < -40) { /* both sides of the pole nearest to 0, without a sum over -q terms */
            const double whole = floor(q), f = q - whole;
            const double left = zeta_sum(s, 1 - f) - zeta_sum(s, 1 - q);
            return zeta_sum(s, f) + (fmod(s, 2) != 0 ? -left : left);
        }
    }
    if (s == HUGE_VAL) return q > 1 ? 0 : q == 1 ? 1 : HUGE_VAL;
    if (q == HUGE_VAL) return 0;
    return zeta_sum(s, q);
}

double dvt_polygamma(double n, double x) {
    if (!(n >= 0) || n != floor(n)) return NAN;
    if (n == 0) return dvt_digamma(x);
    const double size = dvt_gamma(n + 1) * dvt_zeta(n + 1, x);
    return fmod(n, 2) != 0 ? size : -size;
}

/* Where an operand is a whole number not above 0: finite only if the other is whole and cancels the
 * pole, by beta(a, b) = (-1)^b beta(1 - a - b, b). */
static int beta_at_pole(double a, double b, double *sign, double *at) {
    if (b != floor(b) || 1 - a - b <= 0) return 0;
    *at = 1 - a - b;
    *sign = fmod(b, 2) != 0 ? -1 : 1;
    return 1;
}

/* log(beta(a, b) / gamma(b)) for an a so large that log(gamma) of it leaves no digits: Stirling's
 * series of gamma(a) / gamma(a + b). */
#define HUGE_A 1e12
static int is_lopsided(double a, double b) {
    return a > HUGE_A && fabs(b) < 1e-8 * a;
}
static double lopsided(double a, double b) {
    return -b * log(a) + b * (1 - b) / (2 * a) * (1 + (1 - 2 * b) / (6 * a));
}

static dvt_dd log_beta(double a, double b) {
    if (is_lopsided(a, b)) return dvt_dd_add_d(dvt_dd_log_gamma(dvt_dd_of(b)), lopsided(a, b));
    if (is_lopsided(b, a)) return log_beta(b, a);
    const dvt_dd both = dvt_dd_add(dvt_dd_log_gamma(dvt_dd_of(a)), dvt_dd_log_gamma(dvt_dd_of(b)));
    return dvt_dd_sub(both, dvt_dd_log_gamma(dvt_dd_sum(a, b)));
}

static int is_pole(double x) {
    return x <= 0 && x == floor(x);
}

double dvt_beta(double a, double b) {
    double sign = 1, at = a;
    if (a != a || b != b) return a + b;
    if (is_pole(a) || is_pole(b)) {
        const double pole = is_pole(a) ? a : b, other = is_pole(a) ? b : a;
        if (!beta_at_pole(pole, other, &sign, &at)) return HUGE_VAL;
        return sign * dvt_beta(at, other);
    }
    if (fabs(a) == HUGE_VAL || fabs(b) == HUGE_VAL) return a > 0 && b > 0 ? 0 : NAN;
    if (a > 0 && b > 0) return dvt_dd_value(dvt_dd_exp(log_beta(a, b)));
    if (is_pole(a + b)) return 0;
    if (is_lopsided(a, b)) return dvt_gamma(b) * exp(lopsided(a, b));
    if (is_lopsided(b, a)) return dvt_gamma(a) * exp(lopsided(b, a));
    int sign_a, sign_b, sign_ab;
    const double log = lgamma_r(a, &sign_a) + lgamma_r(b, &sign_b) - lgamma_r(a + b, &sign_ab);
    const double product = dvt_gamma(a) / dvt_gamma(a + b) * dvt_gamma(b);
    if (fabs(product) > 1e-290 && fabs(product) < 1e290) return product;
    return sign_a * sign_b * sign_ab * exp(log);
}

double dvt_betaln(double a, double b) {
    double sign = 1, at = a;
    if (a != a || b != b) return a + b;
    if (is_pole(a) || is_pole(b)) {
        const double pole = is_pole(a) ? a : b, other = is_pole(a) ? b : a;
        if (!beta_at_pole(pole, other, &sign, &at)) return HUGE_VAL;
        return dvt_betaln(at, other);
    }
    if (fabs(a) == HUGE_VAL || fabs(b) == HUGE_VAL) return a > 0 && b > 0 ? -HUGE_VAL : NAN;
    if (a > 0 && b > 0) {
        const double log = dvt_dd_value(log_beta(a, b));
        return fabs(log) < 0x1p-80 ? 0 : log; /* no argument but 1 comes so near */
    }
    if (is_lopsided(a, b)) return dvt_gammaln(b) + lopsided(a, b);
    if (is_lopsided(b, a)) return dvt_gammaln(a) + lopsided(b, a);
    return dvt_gammaln(a) + dvt_gammaln(b) - dvt_gammaln(a + b);
}
