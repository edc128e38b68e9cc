/* The op random_poisson: sequential search for rates below 10, above that W. Hormann, "The transformed
 * rejection method for generating Poisson random variables", Insurance: Mathematics and Economics 12
 * (1993), algorithm PTRS. Computed in float64. */
#include "random_counting.h"
#include "random_rows.h"
#include "random_stream.h"

#define PICOSECONDS_EACH 40000
#define MOST 256 /* proposals; each is accepted with a chance above 0.75 */
#define LARGEST 0x1.fffffffffffffp62

static double search(double u, double rate) {
    double p = dvt_portable_exp_f64(-rate);
    double k = 0;
    for (; u > p && k < DVT_MOST_COUNT; p = p * rate / k) {
        u = u - p;
        k = k + 1;
    }
    return k;
}

static double log_chance(double k, double rate) {
    if (k == 0) return -rate;
    return -dvt_stirling_error(k) - dvt_deviance(k, rate) -
           0.5 * dvt_log_positive_f64(DVT_TWO_PI * k);
}

static double reject(const dvt_stream_of *s, const uint64_t *first, double rate) {
    uint64_t pair[2] = {first[0], first[1]};
    const double b = 0.931 + 2.53 * sqrt(rate), a = -0.059 + 0.02483 * b;
    const double inverse = 1.1239 + 1.1328 / (b - 3.4), sure = 0.9277 - 3.6224 / (b - 2.0);
    for (uint32_t number = 1;;) {
        const double u = dvt_open_unit(pair[0]) - 0.5, v = dvt_open_unit(pair[1]);
        const double edge = 0.5 - fabs(u);
        const double k = floor((2.0 * a / edge + b) * u + rate + 0.43);
        if (edge >= 0.07 && v <= sure) return k;
        if (k >= 0 && !(edge < 0.013 && v > edge)) {
            const double hat = v * inverse / (a / (edge * edge) + b);
            if (dvt_log_positive_f64(hat) <= log_chance(k, rate)) return k;
        }
        if (++number > MOST) return -1;
        dvt_stream_pair(s, number, pair);
    }
}

static int64_t draw(const dvt_stream_of *s, const uint64_t *pair, double rate) {
    if (!(rate >= 0 && rate <= 0x1.fffffffffffffp1023)) return -1;
    const double k = rate < 10 ? search(dvt_open_unit(pair[0]), rate) : reject(s, pair, rate);
    return k < LARGEST ? (int64_t)k : (int64_t)LARGEST;
}

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const dvt_sampler *const p = context;
    uint64_t pairs[2 * DVT_RANDOM_PIECE];
    dvt_stream_first(pairs, DVT_STREAM_POISSON, key, first, n);
    for (uint64_t i = 0; i < n; i++) {
        const dvt_stream_of s = {key, first + i, DVT_STREAM_POISSON};
        ((int64_t *)p->to)[at + i] = draw(&s, pairs + 2 * i, dvt_parameter(p, 0, at + i));
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
