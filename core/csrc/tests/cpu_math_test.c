/* The vector functions against the C library in double: at most 2 units in the last place over all
 * float32 numbers (a sample of every exponent) and where each function is delicate; 4 in float64. */
#include <float.h>

#include "cpu_products_host.h"
#include "vec_math.h"

#define COUNT 20000

typedef struct function {
    const char *name;
    void (*vector)(float *to, const float *from);
    double (*exact)(double);
    double low, high; /* where to look closely */
} function;

#define VECTOR(name)                                                                               \
    static void vector_##name(float *to, const float *from) {                                      \
        for (int i = 0; i < COUNT; i += DVT_VF_LANES)                                              \
            dvt_vf_store(to + i, dvt_vf_##name(dvt_vf_load(from + i)));                            \
    }
VECTOR(exp)
VECTOR(expm1)
VECTOR(log)
VECTOR(log1p)
VECTOR(sin)
VECTOR(cos)
VECTOR(tanh)
VECTOR(erf)
VECTOR(erfinv)
VECTOR(sigmoid)

static double sigmoid(double x) {
    return 1 / (1 + exp(-x));
}

/* By bisection on the C library's erf and, near one, on what is left to one. */
static double erfinv(double x) {
    const double size = fabs(x), left = 1 - size;
    double low = 0, high = 7;
    if (!(size < 1)) return size == 1 ? copysign(INFINITY, x) : NAN;
    if (size < 1e-6) return x * 0.886226925452758014;
    for (int i = 0; i < 80; i++) {
        const double middle = (low + high) / 2;
        const int below = size < 0.5 ? erf(middle) < size : erfc(middle) > left;
        *(below ? &low : &high) = middle;
    }
    return copysign((low + high) / 2, x);
}

static const function functions[] = {{"exp", vector_exp, exp, -104, 89},
                                     {"exp", vector_exp, exp, -1, 1},
                                     {"expm1", vector_expm1, expm1, -18, 89},
                                     {"expm1", vector_expm1, expm1, -1, 1},
                                     {"log", vector_log, log, 0, 3},
                                     {"log1p", vector_log1p, log1p, -1, 3},
                                     {"sin", vector_sin, sin, -1e4, 1e4},
                                     {"sin", vector_sin, sin, -2, 2},
                                     {"cos", vector_cos, cos, -1e4, 1e4},
                                     {"cos", vector_cos, cos, -2e6, 2e6},
                                     {"tanh", vector_tanh, tanh, -10, 10},
                                     {"erf", vector_erf, erf, -5, 5},
                                     {"erfinv", vector_erfinv, erfinv, -1, 1},
                                     {"erfinv", vector_erfinv, erfinv, 0.99, 1},
                                     {"sigmoid", vector_sigmoid, sigmoid, -9, 9},
                                     {"sigmoid", vector_sigmoid, sigmoid, -104, 20}};

/* Units in the last place of the nearest float; special values have to be the same. */
static double distance(float got, double exact) {
    const float want = (float)exact;
    if (isnan(want) || isinf(want) || want == 0)
        return (isnan(want) && isnan(got)) || got == want ? 0
               : want == 0                                ? fabs((double)got) / 0x1p-149
                                                          : INFINITY;
    int exponent;
    frexp((double)want, &exponent);
    const double unit = ldexp(1, exponent - 24 < -149 ? -149 : exponent - 24);
    return fabs((double)got - exact) / unit;
}

static void check(const function *f, const float *x) {
    static float y[COUNT];
    f->vector(y, x);
    for (int i = 0; i < COUNT; i++) {
        const double ulp = distance(y[i], f->exact((double)x[i]));
        if (!(ulp <= 2)) fprintf(stderr, "%s(%a) = %a: %g ulp\n", f->name, x[i], y[i], ulp);
        CHECK(ulp <= 2);
    }
}

static void check_functions(void) {
    static const float special[] = {0.0f,   -0.0f,   1.0f,    -1.0f,   INFINITY, -INFINITY, NAN,
                                    1e-45f, -1e-45f, FLT_MIN, FLT_MAX, -FLT_MAX, 0.5f,      0.625f};
    static float x[COUNT];
    for (size_t k = 0; k < sizeof functions / sizeof functions[0]; k++) {
        for (int i = 0; i < COUNT; i++) {
            const uint32_t bits = (uint32_t)chance(UINT64_C(1) << 32);
            memcpy(&x[i], &bits, sizeof bits);
        }
        memcpy(x, special, sizeof special);
        check(&functions[k], x);
        for (int i = 0; i < COUNT; i++)
            x[i] = (float)(functions[k].low + (functions[k].high - functions[k].low) *
                                                  ((double)chance(1u << 30) / (1u << 30)));
        check(&functions[k], x);
    }
}

/* The sign of zero is kept by odd functions. */
static void check_zeros(void) {
    float y[DVT_VF_LANES];
#define ZERO(name)                                                                                 \
    dvt_vf_store(y, dvt_vf_##name(dvt_vf_set1(-0.0f)));                                            \
    CHECK(y[0] == 0 && signbit(y[0]));
    ZERO(expm1) ZERO(log1p) ZERO(sin) ZERO(tanh) ZERO(erf) ZERO(erfinv)
}

static void check_power(void) {
    static const float special[] = {0.0f,     -0.0f,     1.0f,  -1.0f,      2.0f,  -2.0f,
                                    0.5f,     3.0f,      -3.0f, 2.5f,       1e20f, 1e-45f,
                                    INFINITY, -INFINITY, NAN,   16777217.0f};
    const int n = sizeof special / sizeof special[0];
    float x[DVT_VF_LANES], y[DVT_VF_LANES], z[DVT_VF_LANES];
    for (int i = 0; i < 60000; i++) {
        for (int k = 0; k < DVT_VF_LANES; k++) {
            x[k] = i < n ? special[i] : (float)chance(1u << 20) / (float)(1u << 17);
            y[k] = i < n ? special[(i + k) % n] : (float)chance(1u << 20) / (float)(1u << 14) - 32;
            if (i % 3 == 0 && i >= n) x[k] = -x[k], y[k] = rintf(y[k]);
        }
        dvt_vf_store(z, dvt_vf_pow(dvt_vf_load(x), dvt_vf_load(y)));
        for (int k = 0; k < DVT_VF_LANES; k++) {
            const double ulp = distance(z[k], pow((double)x[k], (double)y[k]));
            if (!(ulp <= 2)) fprintf(stderr, "%a ^ %a = %a: %g ulp\n", x[k], y[k], z[k], ulp);
            CHECK(ulp <= 2);
        }
    }
}

/* float64: the C library itself is within one unit. */
static void check_double(void) {
    double x[DVT_VD_LANES], y[DVT_VD_LANES];
#define DOUBLE(name, exact, low, high)                                                             \
    for (int i = 0; i < 40000; i++) {                                                              \
        for (int k = 0; k < DVT_VD_LANES; k++)                                                     \
            x[k] = (low) + ((high) - (low)) * ((double)chance(1u << 30) / (1u << 30));             \
        dvt_vd_store(y, dvt_vd_##name(dvt_vd_load(x)));                                            \
        for (int k = 0; k < DVT_VD_LANES; k++)                                                     \
            CHECK(fabs(y[k] - exact(x[k])) <= 5 * DBL_EPSILON * fabs(exact(x[k])));                \
    }
    DOUBLE(exp, exp, -700, 700)
    DOUBLE(exp, exp, -1, 1)
    DOUBLE(log, log, 1e-9, 3)
    DOUBLE(tanh, tanh, -3, 3)
    DOUBLE(sigmoid, sigmoid, -30, 30)
#define SPECIAL(name, argument, wanted)                                                            \
    dvt_vd_store(y, dvt_vd_##name(dvt_vd_set1(argument)));                                         \
    CHECK(y[0] == (wanted) || ((wanted) != (wanted) && y[0] != y[0]));
    SPECIAL(exp, INFINITY, INFINITY)
    SPECIAL(exp, -INFINITY, 0.0)
    SPECIAL(exp, (double)NAN, (double)NAN)
    SPECIAL(exp, -740.0, exp(-740.0))
    SPECIAL(log, 0.0, -INFINITY)
    SPECIAL(log, -1.0, (double)NAN)
    SPECIAL(log, INFINITY, INFINITY)
    SPECIAL(tanh, -INFINITY, -1.0)
    SPECIAL(sigmoid, -INFINITY, 0.0)
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    check_functions();
    check_zeros();
    check_power();
    check_double();
    return 0;
}
