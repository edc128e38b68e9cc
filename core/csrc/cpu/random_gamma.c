/* The op random_gamma: G. Marsaglia and W. Tsang, "A simple method for generating gamma variables", ACM
 * TOMS 26 (2000). Computed in float64 and rounded once. Proposals are blocks 1, 2, ... of the element;
 * block 0 has what a concentration below 1 needs besides. */
#include "random_quantile.h"
#include "random_rows.h"
#include "random_stream.h"

#define PICOSECONDS_EACH 30000
#define MOST 128 /* proposals; each is accepted with a chance above 0.95 */

#define EACH for (uint64_t i = 0; i < n; i++)

/* d v, once the squeeze has not accepted the first proposal, (x, second). */
static double propose(const dvt_stream_of *s, double d, double x, uint64_t second) {
    const double c = 1.0 / sqrt(9.0 * d);
    for (uint32_t number = 1;;) {
        const double root = 1.0 + c * x;
        if (root > 0) {
            const double v = root * root * root, square = x * x, u = dvt_open_unit(second);
            if (u < 1.0 - 0.0331 * square * square) return d * v;
            if (dvt_log_positive_f64(u) < 0.5 * square + d * ((1.0 - v) + dvt_log_positive_f64(v)))
                return d * v;
        }
        if (++number > MOST) return NAN;
        uint64_t pair[2];
        dvt_stream_pair(s, number, pair);
        x = dvt_normal_f64(pair[0]);
        second = pair[1];
    }
}

/* Draws below 1 are those of a concentration one larger times u^(1/a). */
static void lessen(const dvt_sampler *g, const uint32_t key[2], uint64_t first, uint64_t n,
                   const double *a, double *y) {
    static const uint32_t high[2] = {0, DVT_STREAM_GAMMA};
    uint64_t pairs[2 * DVT_RANDOM_PIECE];
    dvt_philox_at((uint32_t *)(void *)pairs, first, n, key, high);
    EACH {
        const double power = dvt_log_positive_f64(dvt_open_unit(pairs[2 * i])) / a[i];
        const double less = g->logarithm ? y[i] + power : y[i] * dvt_portable_exp_f64(power);
        y[i] = a[i] < 1 ? less : y[i];
    }
}

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const dvt_sampler *const g = context;
    uint64_t pairs[2 * DVT_RANDOM_PIECE], below = 0;
    double a[DVT_RANDOM_PIECE], x[DVT_RANDOM_PIECE], y[DVT_RANDOM_PIECE];
    double squeezed[DVT_RANDOM_PIECE];
    dvt_stream_first(pairs, DVT_STREAM_GAMMA, key, first, n);
    dvt_normals_f64(x, pairs, 2, n);
    EACH a[i] = dvt_parameter(g, 0, at + i);
    EACH {
        const double d = (a[i] < 1 ? a[i] + 1.0 : a[i]) - 1.0 / 3;
        const double root = 1.0 + 1.0 / sqrt(9.0 * d) * x[i], square = x[i] * x[i];
        const double bound = 1.0 - 0.0331 * square * square;
        y[i] = d * (root * root * root);
        squeezed[i] = root > 0 ? bound - dvt_open_unit(pairs[2 * i + 1]) : -1.0;
    }
    EACH {
        const dvt_stream_of s = {key, first + i, DVT_STREAM_GAMMA};
        const double d = (a[i] < 1 ? a[i] + 1.0 : a[i]) - 1.0 / 3;
        if (!(squeezed[i] > 0) && a[i] >= 0) y[i] = propose(&s, d, x[i], pairs[2 * i + 1]);
        below |= a[i] < 1;
    }
    if (g->logarithm) EACH y[i] = dvt_log_positive_f64(y[i]);
    if (below) lessen(g, key, first, n, a, y);
    EACH {
        const double finite = a[i] > 0x1.fffffffffffffp1023 ? a[i] : y[i];
        dvt_store_real(g, at + i, a[i] >= 0 ? finite : (double)NAN);
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
