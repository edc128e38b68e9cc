/* The error function's complement, the normal distribution, and their inverses. */
#include "special_coefficients.h"
#include "special_functions.h"

#define SQRT_HALF 0.70710678118654752440
#define SQRT_2 1.41421356237309504880
#define SQRT_PI_INVERSE 0.56418958354775628695

/* e^-(x^2 factor) with x^2 exact, factor a power of two. */
static double exp_of_square(double x, double factor) {
    const dvt_dd s = dvt_dd_scale(dvt_dd_product(x, x), factor);
    const double e = exp(s.high);
    return e > 0 && e < HUGE_VAL ? e + e * s.low : e;
}

/* The scaled complement, e^(x^2) erfc(x): (1 + 2x) of it is smooth in (x - 3) / (x + 3), after
 * M. Shepherd, J. Laframboise, Math. Comp. 36 (1981); beyond, the asymptotic series. */
double dvt_erfcx(double x) {
    if (x != x) return x;
    if (x < 0) {
        if (x < -26.7) return HUGE_VAL;
        return 2 * exp_of_square(x, 1) - dvt_erfcx(-x);
    }
    if (x >= 57) {
        const double u = 0.5 / (x * x);
        const double sum = 1 - u * (1 - u * (3 - u * (15 - u * (105 - u * 945))));
        return SQRT_PI_INVERSE / x * sum;
    }
    const double t = (x - 3) / (x + 3);
    const double p = x < 3 ? DVT_SPECIAL_POLYNOMIAL(t + 0.5, dvt_erfcx_near)
                           : DVT_SPECIAL_POLYNOMIAL(t - 0.45, dvt_erfcx_far);
    return p / (1 + 2 * x);
}

double dvt_erfc(double x) {
    if (!(x > 1)) return erfc(x);
    return x > 28 ? 0 : exp_of_square(x, -1) * dvt_erfcx(x);
}

double dvt_ndtr(double x) {
    const double z = x * SQRT_HALF;
    if (x > -1) return x < 1 ? 0.5 + 0.5 * erf(z) : 1 - 0.5 * erfc(z);
    if (x != x) return x;
    return x < -39 ? 0 : 0.5 * exp_of_square(x, -0.5) * dvt_erfcx(-z);
}

double dvt_log_ndtr(double x) {
    if (x != x) return x;
    if (x > -1) return x > 0 ? log1p(-dvt_ndtr(-x)) : log(dvt_ndtr(x));
    return log(0.5 * dvt_erfcx(-x * SQRT_HALF)) - 0.5 * x * x;
}

/* The x > 0 above which the normal distribution has the part q < 1/4: from formula 26.2.23 of
 * Abramowitz and Stegun, good to 5e-4, by Newton's method on the logarithm of the part, which is
 * nearly a parabola. */
static double upper_quantile(double q) {
    const double w = sqrt(-2 * log(q));
    double x = w - (2.515517 + w * (0.802853 + w * 0.010328)) /
                       (1 + w * (1.432788 + w * (0.189269 + w * 0.001308)));
    for (int i = 0; i < 3; i++) {
        const double scaled = dvt_erfcx(x * SQRT_HALF);
        const double excess =
            q > 1e-290 ? log1p((dvt_ndtr(-x) - q) / q) : log(0.5 * scaled) - 0.5 * x * x - log(q);
        x += excess * (scaled * 1.25331413731550025121);
    }
    return x;
}

double dvt_ndtri(double p) {
    if (!(p > 0 && p < 1)) return p == 0 ? -HUGE_VAL : p == 1 ? HUGE_VAL : NAN;
    if (p >= 0.25 && p <= 0.75) return SQRT_2 * dvt_erfinv(2 * (p - 0.5));
    return p < 0.5 ? -upper_quantile(p) : upper_quantile(1 - p);
}

double dvt_erfcinv(double x) {
    if (!(x > 0 && x < 2)) return x == 0 ? HUGE_VAL : x == 2 ? -HUGE_VAL : NAN;
    if (x >= 0.5) return x <= 1.5 ? dvt_erfinv(1 - x) : -dvt_erfcinv(2 - x);
    return x < 0x1p-1073 ? HUGE_VAL : SQRT_HALF * upper_quantile(0.5 * x);
}

/* Near 0 Halley's method on erf, in the tails on erfc, of which 1 - x is exact; from Winitzki's
 * formula, good to 3 digits everywhere. */
double dvt_erfinv(double x) {
    const double size = fabs(x);
    if (!(size < 1)) return size == 1 ? copysign(HUGE_VAL, x) : NAN;
    if (size < 0x1p-30) /* the next term, x^3, is below the last bit */
        return x * 0.88622692545275801365;
    const double left = 1 - size, w = sqrt(-log(left * (1 + size)));
    const double a = 4.3307467508, half = a - w * w / 2; /* 2 / (0.147 pi) */
    double y = sqrt(sqrt(half * half + w * w * 6.8027210884) - half);
    for (int i = 0; i < 3; i++) {
        const double error = size < 0.5 ? erf(y) - size : left - dvt_erfc(y);
        const double step = error * 0.88622692545275801365 * exp(y * y);
        y -= step / (1 + y * step);
    }
    return copysign(y, x);
}
