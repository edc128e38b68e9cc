/* The op random_poisson: sequential search for rates below 10, above that W. Hormann, "The transformed
 * rejection method for generating Poisson random variables", Insurance: Mathematics and Economics 12
 * (1993), algorithm PTRS. Computed in float64. */
#include "random_counting.h"
#include "random_rows.h"
#include "random_stream.h"

#define PICOSECONDS_EACH 40000
#define MOST 256 /* proposals; each is accepted with a chance above 0.75 */
#define LARGEST 0x1.fffffffffffffp62

/* What depends on the rate alone, kept while it stays the same. */
typedef struct constants {
    double rate, none, a, b, inverse, sure;
} constants;

static void prepare(constants *c, double rate) {
    if (rate == c->rate) return;
    c->rate = rate;
    if (rate < 10) {
        c->none = dvt_portable_exp_f64(-rate);
        return;
    }
    c->b = 0.931 + 2.53 * sqrt(rate);
    c->a = -0.059 + 0.02483 * c->b;
    c->inverse = 1.1239 + 1.1328 / (c->b - 3.4);
    c->sure = 0.9277 - 3.6224 / (c->b - 2.0);
}

static double search(const constants *c, double u) {
    double p = c->none, k = 0;
    while (u > p && k < DVT_MOST_COUNT) {
        u = u - p;
        k = k + 1;
        p = p * c->rate / k;
    }
    return k;
}

static double log_chance(double k, double rate) {
    if (k == 0) return -rate;
    return -dvt_stirling_error(k) - dvt_deviance(k, rate) -
           0.5 * dvt_log_positive_f64(DVT_TWO_PI * k);
}

static double reject(const constants *c, const dvt_stream_of *s, const uint64_t *first) {
    uint64_t pair[2] = {first[0], first[1]};
    for (uint32_t number = 1;;) {
        const double u = dvt_open_unit(pair[0]) - 0.5, v = dvt_open_unit(pair[1]);
        const double edge = 0.5 - fabs(u);
        const double k = floor((2.0 * c->a / edge + c->b) * u + c->rate + 0.43);
        if (edge >= 0.07 && v <= c->sure) return k;
        if (k >= 0 && !(edge < 0.013 && v > edge)) {
            const double hat = v * c->inverse / (c->a / (edge * edge) + c->b);
            if (dvt_log_positive_f64(hat) <= log_chance(k, c->rate)) return k;
        }
        if (++number > MOST) return -1;
        dvt_stream_pair(s, number, pair);
    }
}

static int64_t draw(constants *c, const dvt_stream_of *s, const uint64_t *pair, double rate) {
    if (!(rate >= 0 && rate <= 0x1.fffffffffffffp1023)) return -1;
    prepare(c, rate);
    const double k = rate < 10 ? search(c, dvt_open_unit(pair[0])) : reject(c, s, pair);
    return k < LARGEST ? (int64_t)k : (int64_t)LARGEST;
}

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const dvt_sampler *const p = context;
    uint64_t pairs[2 * DVT_RANDOM_PIECE];
    constants c = {.rate = NAN};
    dvt_stream_first(pairs, DVT_STREAM_POISSON, key, first, n);
    for (uint64_t i = 0; i < n; i++) {
        const dvt_stream_of s = {key, first + i, DVT_STREAM_POISSON};
        ((int64_t *)p->to)[at + i] = draw(&c, &s, pairs + 2 * i, dvt_parameter(p, 0, at + i));
    }
}

dvt_status dvt_random_poisson_run(const dvt_call *call, dvt_error *error) {
    const dvt_sampler p = dvt_sampler_of(call);
    (void)error;
    dvt_random_run(call, PICOSECONDS_EACH, fill, &p);
    return DVT_OK;
}

dvt_status dvt_random_poisson_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    return dvt_random_prepare(op, PICOSECONDS_EACH, info, error);
}
