/* The op random_von_mises: angles by D. Best and N. Fisher, "Efficient simulation of the von Mises
 * distribution", Applied Statistics 28 (1979): rejection from the wrapped Cauchy distribution, whose
 * angle is 2 atan(shrink * tan(pi u / 2)). Computed in float64 and rounded once. */
#include "random_quantile.h"
#include "random_rows.h"
#include "random_stream.h"

#define PICOSECONDS_EACH 60000
#define MOST 256 /* proposals; each is accepted with a chance above 0.65 */
#define PI 0x1.921fb54442d18p1

/* cos(pi v) and sin(pi v), |v| <= 1/4. */
static void cos_sin_pi(double v, double *cosine, double *sine) {
    const double square = v * v;
    *cosine = DVT_HORNER7(square, -0x1.b264cc768538ap-14, 0x1.f9cc41545adf8p-10,
                          -0x1.a6d1ec795f2a4p-6, 0x1.e1f506835659ep-3, -0x1.55d3c7e3c90fdp+0,
                          0x1.03c1f081b5aacp+2, -0x1.3bd3cc9be45dep+2, 1.0);
    double p = 0x1.e3f39e0cc1dbep-12;
    p = p * square + -0x1.e30071ff096bep-8;
    p = p * square + 0x1.50782fda6bedap-4;
    p = p * square + -0x1.32d2cce2e60ddp-1;
    p = p * square + 0x1.466bc677587fdp+1;
    p = p * square + -0x1.4abbce625be41p+2;
    p = p * square + 0x1.921fb54442d18p+1;
    *sine = v * p;
}

/* atan(x), x >= 0. */
static double arctangent(double x) {
    const int far = x > 0x1.3504f333f9de6p1, middle = x > 0x1.a827999fcef32p-2;
    const double base = far ? 0.5 * PI : middle ? 0.25 * PI : 0.0;
    const double t = far ? -1.0 / x : middle ? (x - 1.0) / (x + 1.0) : x;
    const double square = t * t;
    double p = -0x1.24425dadce270p-6;
    p = p * square + 0x1.374514ac037c5p-5;
    p = p * square + -0x1.9c95510dd839dp-5;
    p = p * square + 0x1.df00699fc62bep-5;
    p = p * square + -0x1.10ea9666d37cfp-4;
    p = p * square + 0x1.3b10fc57a9b06p-4;
    p = p * square + -0x1.745cf6fd57513p-4;
    p = p * square + 0x1.c71c70d20ebebp-4;
    p = p * square + -0x1.249249226c2e2p-3;
    p = p * square + 0x1.99999999949bbp-3;
    p = p * square + -0x1.5555555555531p-2;
    p = p * square + 1.0;
    return base + t * p;
}

static double reject(const dvt_stream_of *s, uint64_t pair[2], double kappa) {
    const double tau = 1.0 + sqrt(1.0 + 4.0 * kappa * kappa);
    const double rho = 2.0 * kappa / (tau + sqrt(2.0 * tau));
    const double r = (1.0 + rho * rho) / (2.0 * rho), shrink = (1.0 - rho) / (1.0 + rho);
    for (uint32_t number = 1;;) {
        const double u = dvt_open_unit(pair[0]) - 0.5, v = dvt_open_unit(pair[1]);
        const double size = fabs(u); /* half of the angle, in half turns */
        const int outer = size > 0.25;
        double cosine, sine;
        cos_sin_pi(outer ? 0.5 - size : size, &cosine, &sine);
        const double tangent = outer ? cosine / sine : sine / cosine;
        const double z = outer ? 2.0 * sine * sine - 1.0 : 1.0 - 2.0 * sine * sine;
        const double c = kappa * ((r - 1.0) * (r + 1.0) / (r + z));
        if (c * (2.0 - c) > v || dvt_portable_log_f64(c / v) + 1.0 - c >= 0) {
            const double angle = 2.0 * arctangent(shrink * tangent);
            return u < 0 ? -angle : angle;
        }
        if (++number > MOST) return NAN;
        dvt_stream_pair(s, number, pair);
    }
}

static double draw(const dvt_stream_of *s, uint64_t pair[2], double kappa) {
    if (!(kappa >= 0)) return NAN;
    if (kappa < 1e-8) return (dvt_open_unit(pair[0]) - 0.5) * (2.0 * PI); /* uniform to 1e-8 */
    if (kappa > 1e6) return dvt_normal_f64(pair[0]) / sqrt(kappa);        /* normal to 1e-6 */
    return reject(s, pair, kappa);
}

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const dvt_sampler *const m = context;
    uint64_t pairs[2 * DVT_RANDOM_PIECE];
    dvt_stream_first(pairs, DVT_STREAM_VON_MISES, key, first, n);
    for (uint64_t i = 0; i < n; i++) {
        const dvt_stream_of s = {key, first + i, DVT_STREAM_VON_MISES};
        dvt_store_real(m, at + i, draw(&s, pairs + 2 * i, dvt_parameter(m, 0, at + i)));
    }
}

dvt_status dvt_random_von_mises_run(const dvt_call *call, dvt_error *error) {
    const dvt_sampler m = dvt_sampler_of(call);
    (void)error;
    dvt_random_run(call, PICOSECONDS_EACH, fill, &m);
    return DVT_OK;
}

dvt_status dvt_random_von_mises_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    return dvt_random_prepare(op, PICOSECONDS_EACH, info, error);
}
