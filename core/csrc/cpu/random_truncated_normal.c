/* The op random_truncated_normal: a standard normal number between two bounds, by rejection from the
 * normal, the uniform or the tail distribution, whichever fits the interval. After C. Robert,
 * "Simulation of truncated normal variables", Statistics and Computing 5 (1995), and for the tail G.
 * Marsaglia, "Generating a variable from the tail of the normal distribution", Technometrics 6 (1964).
 * Computed in float64 and rounded once, which cannot leave the interval. */
#include "random_quantile.h"
#include "random_rows.h"
#include "random_stream.h"

#define PICOSECONDS_EACH 40000
#define MOST 256 /* proposals; each is accepted with a chance above 0.3 */

/* One proposal for 0 < b and low <= b; NaN when it is rejected. */
static double propose(double low, double high, const uint64_t pair[2]) {
    const double width = high - low, v = dvt_open_unit(pair[1]);
    if (low <= 0 ? width > 2.5 : width * (high + low) >= 2.0 && low < 0.5) {
        const double drawn = dvt_normal_f64(pair[0]);
        const double x = low <= 0 ? drawn : fabs(drawn);
        return x >= low && x <= high ? x : NAN;
    }
    if (low <= 0 || width * (high + low) < 2.0) {
        const double nearest = low <= 0 ? 0.0 : low;
        double x = low + width * dvt_open_unit(pair[0]);
        x = x < high ? x : high;
        return dvt_log_positive_f64(v) <= 0.5 * ((nearest - x) * (nearest + x)) ? x : NAN;
    }
    const double twice = -2.0 * dvt_log_positive_f64(dvt_open_unit(pair[0]));
    const double x = low + twice / (low + sqrt(low * low + twice));
    return v * x <= low && x <= high ? x : NAN;
}

static double draw(const dvt_stream_of *s, uint64_t pair[2], double low, double high) {
    if (!(low <= high)) return NAN;
    if (low == high) return low;
    const int turned = high <= 0;
    const double a = turned ? -high : low, b = turned ? -low : high;
    double x = a > 1e100 ? a : propose(a, b, pair);
    for (uint32_t number = 2; x != x && number <= MOST; number++) {
        dvt_stream_pair(s, number, pair);
        x = propose(a, b, pair);
    }
    return turned ? -x : x;
}

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const dvt_sampler *const t = context;
    uint64_t pairs[2 * DVT_RANDOM_PIECE];
    dvt_stream_first(pairs, DVT_STREAM_TRUNCATED_NORMAL, key, first, n);
    for (uint64_t i = 0; i < n; i++) {
        const dvt_stream_of s = {key, first + i, DVT_STREAM_TRUNCATED_NORMAL};
        const double low = dvt_parameter(t, 0, at + i), high = dvt_parameter(t, 1, at + i);
        dvt_store_real(t, at + i, draw(&s, pairs + 2 * i, low, high));
    }
}

dvt_status dvt_random_truncated_normal_run(const dvt_call *call, dvt_error *error) {
    const dvt_sampler t = dvt_sampler_of(call);
    (void)error;
    dvt_random_run(call, PICOSECONDS_EACH, fill, &t);
    return DVT_OK;
}

dvt_status dvt_random_truncated_normal_prepare(const dvt_op *op, dvt_kernel_info *info,
                                               dvt_error *error) {
    return dvt_random_prepare(op, PICOSECONDS_EACH, info, error);
}
