/* The op random_binomial: sequential search for means below 10, above that W. Hormann, "The generation
 * of binomial random variates", Journal of Statistical Computation and Simulation 46 (1993), algorithm
 * BTRS. Computed in float64. */
#include "random_counting.h"
#include "random_rows.h"
#include "random_stream.h"

#define PICOSECONDS_EACH 50000
#define MOST 256 /* proposals; each is accepted with a chance above 0.7 */
#define LARGEST 0x1p53

/* p <= 1/2 from here on. */
static double search(double u, double n, double p) {
    const double odds = p / (1.0 - p);
    double r = dvt_portable_exp_f64(n * dvt_log_complement(p));
    double k = 0;
    while (u > r && k < DVT_MOST_COUNT) {
        u = u - r;
        k = k + 1;
        r = r * odds * ((n + 1.0 - k) / k);
    }
    return k;
}

static double log_chance(double k, double n, double p) {
    if (k == 0) return n * dvt_log_complement(p);
    if (k == n) return n * dvt_portable_log_f64(p);
    const double rest = n - k;
    const double errors = dvt_stirling_error(n) - dvt_stirling_error(k) - dvt_stirling_error(rest);
    const double far = dvt_deviance(k, n * p) + dvt_deviance(rest, n * (1.0 - p));
    return errors - far + 0.5 * dvt_log_positive_f64(n / (DVT_TWO_PI * k * rest));
}

static double reject(const dvt_stream_of *s, const uint64_t *first, double n, double p) {
    uint64_t pair[2] = {first[0], first[1]};
    const double spread = sqrt(n * p * (1.0 - p)), b = 1.15 + 2.53 * spread;
    const double a = -0.0873 + 0.0248 * b + 0.01 * p, c = n * p + 0.5, sure = 0.92 - 4.2 / b;
    const double alpha = (2.83 + 5.1 / b) * spread;
    const double top = log_chance(floor((n + 1.0) * p), n, p);
    for (uint32_t number = 1;;) {
        const double u = dvt_open_unit(pair[0]) - 0.5, v = dvt_open_unit(pair[1]);
        const double edge = 0.5 - fabs(u);
        const double k = floor((2.0 * a / edge + b) * u + c);
        if (edge >= 0.07 && v <= sure) return k;
        if (k >= 0 && k <= n) {
            const double hat = v * alpha / (a / (edge * edge) + b);
            if (dvt_log_positive_f64(hat) <= log_chance(k, n, p) - top) return k;
        }
        if (++number > MOST) return -1;
        dvt_stream_pair(s, number, pair);
    }
}

static int64_t draw(const dvt_stream_of *s, const uint64_t *pair, double count, double p) {
    const double n = floor(count);
    if (!(n >= 0 && n <= LARGEST && p >= 0 && p <= 1)) return -1;
    const int turned = p > 0.5;
    const double less = turned ? 1.0 - p : p;
    const double k =
        n * less < 10 ? search(dvt_open_unit(pair[0]), n, less) : reject(s, pair, n, less);
    return (int64_t)(turned && k >= 0 ? n - k : k);
}

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const dvt_sampler *const b = context;
    uint64_t pairs[2 * DVT_RANDOM_PIECE];
    dvt_stream_first(pairs, DVT_STREAM_BINOMIAL, key, first, n);
    for (uint64_t i = 0; i < n; i++) {
        const dvt_stream_of s = {key, first + i, DVT_STREAM_BINOMIAL};
        const double count = dvt_parameter(b, 0, at + i), p = dvt_parameter(b, 1, at + i);
        ((int64_t *)b->to)[at + i] = draw(&s, pairs + 2 * i, count, p);
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
