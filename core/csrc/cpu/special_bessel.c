/* Modified Bessel functions of the first kind: a power series, and e^x / sqrt(x) times a polynomial
 * in 1/x. With e: scaled by e^-|x|. */
#include "special_coefficients.h"
#include "special_functions.h"

#define NEAR 7.75
#define MIDDLE 24.0
#define SQRT_2PI_INVERSE 0.39894228040143267794

/* The polynomials in 1/x - center, with the first terms of the asymptotic series beyond. */
#define LARGE(order, first, second)                                                                \
    static double i##order##_large(double x) {                                                     \
        const double u = 1 / x, root = sqrt(x);                                                    \
        if (x < MIDDLE)                                                                            \
            return DVT_SPECIAL_POLYNOMIAL(u - 0x1.5d9765d9765d9p-4, dvt_i##order##_middle) / root; \
        if (x < 1e4)                                                                               \
            return DVT_SPECIAL_POLYNOMIAL(u - 0x1.56270c6cae377p-6, dvt_i##order##_far) / root;    \
        return SQRT_2PI_INVERSE * (1 + u * ((first) + u * (second))) / root;                       \
    }
LARGE(0, 0.125, 9.0 / 128)
LARGE(1, -0.375, -15.0 / 128)

/* e^x y, where e^x alone may be too large */
static double exp_times(double x, double y) {
    if (x < 700) return exp(x) * y;
    const double e = exp(0.5 * x);
    return e * y * e;
}

double dvt_i0e(double x) {
    x = fabs(x);
    if (x >= NEAR) return x < HUGE_VAL ? i0_large(x) : 0;
    const double t = 0.25 * x * x;
    return exp(-x) * (1 + t * DVT_SPECIAL_POLYNOMIAL(t, dvt_i0_near));
}

double dvt_i0(double x) {
    x = fabs(x);
    if (x >= NEAR) return x < HUGE_VAL ? exp_times(x, i0_large(x)) : x;
    const double t = 0.25 * x * x;
    return 1 + t * DVT_SPECIAL_POLYNOMIAL(t, dvt_i0_near);
}

double dvt_i1e(double x) {
    const double size = fabs(x);
    if (size >= NEAR) return copysign(size < HUGE_VAL ? i1_large(size) : 0, x);
    const double t = 0.25 * x * x;
    return exp(-size) * (0.5 * x + 0.5 * x * t * DVT_SPECIAL_POLYNOMIAL(t, dvt_i1_near));
}

double dvt_i1(double x) {
    const double size = fabs(x);
    if (size >= NEAR) return copysign(size < HUGE_VAL ? exp_times(size, i1_large(size)) : size, x);
    const double t = 0.25 * x * x;
    return 0.5 * x + 0.5 * x * t * DVT_SPECIAL_POLYNOMIAL(t, dvt_i1_near);
}
