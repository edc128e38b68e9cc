/* The op random_gamma: G. Marsaglia and W. Tsang, "A simple method for generating gamma variables", ACM
 * TOMS 26 (2000). Computed in float64 and rounded once. Proposals are blocks 1, 2, ... of the element;
 * block 0 has what a concentration below 1 needs besides. */
#include "random_quantile.h"
#include "random_rows.h"
#include "random_stream.h"

#define PICOSECONDS_EACH 30000
#define MOST 128 /* proposals; each is accepted with a chance above 0.95 */

/* The draw for a concentration of 1 or more: d v, of a - 1/3 = d. */
static double cube(const dvt_stream_of *s, double d, double x, uint64_t second) {
    const double c = 1.0 / sqrt(9.0 * d);
    for (uint32_t number = 1;;) {
        const double root = 1.0 + c * x;
        if (root > 0) {
            const double v = root * root * root, square = x * x, u = dvt_open_unit(second);
            if (u < 1.0 - 0.0331 * square * square) return v;
            if (dvt_log_positive_f64(u) < 0.5 * square + d * ((1.0 - v) + dvt_log_positive_f64(v)))
                return v;
        }
        if (++number > MOST) return NAN;
        uint64_t pair[2];
        dvt_stream_pair(s, number, pair);
        x = dvt_normal_f64(pair[0]);
        second = pair[1];
    }
}

static double draw(const dvt_stream_of *s, double a, double x, uint64_t second, int logarithm) {
    if (!(a >= 0)) return NAN;
    if (a > 0x1.fffffffffffffp1023) return a;
    const double d = (a < 1 ? a + 1.0 : a) - 1.0 / 3;
    const double whole = d * cube(s, d, x, second);
    if (a >= 1) return logarithm ? dvt_log_positive_f64(whole) : whole;
    uint64_t pair[2];
    dvt_stream_pair(s, 0, pair);
    const double power = dvt_log_positive_f64(dvt_open_unit(pair[0])) / a;
    return logarithm ? dvt_log_positive_f64(whole) + power : whole * dvt_portable_exp_f64(power);
}

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const dvt_sampler *const g = context;
    uint64_t pairs[2 * DVT_RANDOM_PIECE];
    double x[DVT_RANDOM_PIECE];
    dvt_stream_first(pairs, DVT_STREAM_GAMMA, key, first, n);
    for (uint64_t i = 0; i < n; i++) x[i] = dvt_normal_f64(pairs[2 * i]);
    for (uint64_t i = 0; i < n; i++) {
        const dvt_stream_of s = {key, first + i, DVT_STREAM_GAMMA};
        const double a = dvt_parameter(g, 0, at + i);
        dvt_store_real(g, at + i, draw(&s, a, x[i], pairs[2 * i + 1], g->logarithm));
    }
}

dvt_status dvt_random_gamma_run(const dvt_call *call, dvt_error *error) {
    const dvt_sampler g = dvt_sampler_of(call);
    (void)error;
    dvt_random_run(call, PICOSECONDS_EACH, fill, &g);
    return DVT_OK;
}

dvt_status dvt_random_gamma_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    return dvt_random_prepare(op, PICOSECONDS_EACH, info, error);
}
