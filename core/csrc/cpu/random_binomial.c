/* The op random_binomial: sequential search for means below 10, above that W. Hormann, "The generation
 * of binomial random variates", Journal of Statistical Computation and Simulation 46 (1993), algorithm
 * BTRS. Computed in float64. */
#include "random_counting.h"
#include "random_rows.h"
#include "random_stream.h"

#define PICOSECONDS_EACH 50000
#define MOST 256 /* proposals; each is accepted with a chance above 0.7 */
#define LARGEST 0x1p53

/* What depends on count and p alone, kept while they stay the same; p <= 1/2. */
typedef struct constants {
    double n, p, odds, none, a, b, centre, sure, alpha, top;
} constants;

static double log_chance(double k, double n, double p) {
    if (k == 0) return n * dvt_log_complement(p);
    if (k == n) return n * dvt_portable_log_f64(p);
    const double rest = n - k;
    const double errors = dvt_stirling_error(n) - dvt_stirling_error(k) - dvt_stirling_error(rest);
    const double far = dvt_deviance(k, n * p) + dvt_deviance(rest, n * (1.0 - p));
    return errors - far + 0.5 * dvt_log_positive_f64(n / (DVT_TWO_PI * k * rest));
}

static void prepare(constants *c, double n, double p) {
    if (n == c->n && p == c->p) return;
    c->n = n;
    c->p = p;
    if (n * p < 10) {
        c->odds = p / (1.0 - p);
        c->none = dvt_portable_exp_f64(n * dvt_log_complement(p));
        return;
    }
    const double spread = sqrt(n * p * (1.0 - p));
    c->b = 1.15 + 2.53 * spread;
    c->a = -0.0873 + 0.0248 * c->b + 0.01 * p;
    c->centre = n * p + 0.5;
    c->sure = 0.92 - 4.2 / c->b;
    c->alpha = (2.83 + 5.1 / c->b) * spread;
    c->top = log_chance(floor((n + 1.0) * p), n, p);
}

static double search(const constants *c, double u) {
    double r = c->none, k = 0;
    while (u > r && k < DVT_MOST_COUNT) {
        u = u - r;
        k = k + 1;
        r = r * c->odds * ((c->n + 1.0 - k) / k);
    }
    return k;
}

static double reject(const constants *c, const dvt_stream_of *s, const uint64_t *first) {
    uint64_t pair[2] = {first[0], first[1]};
    for (uint32_t number = 1;;) {
        const double u = dvt_open_unit(pair[0]) - 0.5, v = dvt_open_unit(pair[1]);
        const double edge = 0.5 - fabs(u);
        const double k = floor((2.0 * c->a / edge + c->b) * u + c->centre);
        if (edge >= 0.07 && v <= c->sure) return k;
        if (k >= 0 && k <= c->n) {
            const double hat = v * c->alpha / (c->a / (edge * edge) + c->b);
            if (dvt_log_positive_f64(hat) <= log_chance(k, c->n, c->p) - c->top) return k;
        }
        if (++number > MOST) return -1;
        dvt_stream_pair(s, number, pair);
    }
}

static int64_t draw(constants *c, const dvt_stream_of *s, const uint64_t *pair, double count,
                    double p) {
    const double n = floor(count);
    if (!(n >= 0 && n <= LARGEST && p >= 0 && p <= 1)) return -1;
    const int turned = p > 0.5;
    prepare(c, n, turned ? 1.0 - p : p);
    const double k = n * c->p < 10 ? search(c, dvt_open_unit(pair[0])) : reject(c, s, pair);
    return (int64_t)(turned && k >= 0 ? n - k : k);
}

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const dvt_sampler *const b = context;
    uint64_t pairs[2 * DVT_RANDOM_PIECE];
    constants c = {.n = NAN};
    dvt_stream_first(pairs, DVT_STREAM_BINOMIAL, key, first, n);
    for (uint64_t i = 0; i < n; i++) {
        const dvt_stream_of s = {key, first + i, DVT_STREAM_BINOMIAL};
        const double count = dvt_parameter(b, 0, at + i), p = dvt_parameter(b, 1, at + i);
        ((int64_t *)b->to)[at + i] = draw(&c, &s, pairs + 2 * i, count, p);
    }
}

dvt_status dvt_random_binomial_run(const dvt_call *call, dvt_error *error) {
    const dvt_sampler b = dvt_sampler_of(call);
    (void)error;
    dvt_random_run(call, PICOSECONDS_EACH, fill, &b);
    return DVT_OK;
}

dvt_status dvt_random_binomial_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    return dvt_random_prepare(op, PICOSECONDS_EACH, info, error);
}
