/* The op random_gamma_gradient: how the logarithm of a gamma variable moves with its concentration at a
 * fixed probability. Methods and constants as in ops/gamma_gradient.py, which says where they are from;
 * these sums need not have the same bits everywhere. */
#include <math.h>

#include "element.h"
#include "parallel.h"
#include "random_rows.h"

#define PICOSECONDS_EACH 600000
#define LARGE 1e5
#define MOST 20000
#define TINY 1e-17

typedef struct task {
    const void *concentration, *logarithm;
    void *to;
} task;

static double digamma(double x) {
    double total = 0;
    for (; x < 10; x += 1) total -= 1 / x;
    const double t = 1 / (x * x);
    const double series = 1.0 / 240 - t * (1.0 / 132 - t * (691.0 / 32760 - t / 12));
    return total + log(x) - 0.5 / x -
           t * (1.0 / 12 - t * (1.0 / 120 - t * (1.0 / 252 - t * series)));
}

static double below(double a, double log_x, double x) {
    double term = 1, total = 1, slope = 0, slopes = 0;
    for (int n = 1; n < MOST; n++) {
        const double each = a + n;
        slope = (slope - term / each) * x / each;
        term = term * x / each;
        total += term;
        slopes += slope;
        if (fabs(slope) <= TINY * fabs(slopes) && term <= TINY * total) break;
    }
    return -((log_x - digamma(a + 1)) * total + slopes) / a;
}

static double above(double a, double log_x, double x) {
    double b = x + 1 - a, d = 1 / b, d_slope = d * d, value = d, relative = d;
    double c = INFINITY, c_slope = 0;
    for (int n = 1; n < MOST; n++) {
        const double factor = n * (a - n);
        b += 2;
        const double next = 1 / (factor * d + b);
        d_slope = -next * next * (n * d + factor * d_slope - 1);
        d = next;
        c_slope = n / c - factor * c_slope / (c * c) - 1;
        c = b + factor / c;
        const double change = d_slope / d + c_slope / c;
        value *= d * c;
        relative += change;
        if (fabs(d * c - 1) <= 4e-16 && fabs(change) <= 4e-16 * (1 + fabs(relative))) break;
    }
    return (log_x - digamma(a) + relative) * value;
}

static double far(double a, double x) {
    const double root = sqrt(a), y = (x - a) / root, square = y * y;
    const double w = y - (square - 1) / (3 * root) + (7 * square - 1) * y / (36 * a);
    const double slope = 1 + w / (2 * root) - (w * w - 7) * w / (72 * a * root);
    return (slope + (3 * w * w * w * w + 7 * w * w - 16) / (810 * a * a)) / x;
}

static double one(double a, double log_x) {
    if (!(a > 0 && isfinite(a) && isfinite(log_x))) return NAN;
    const double x = exp(log_x);
    return a >= LARGE ? far(a, x) : x > a + 1 ? above(a, log_x, x) : below(a, log_x, x);
}

static void range_f32(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const float *const a = t->concentration, *const x = t->logarithm;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) ((float *)t->to)[i] = (float)one(a[i], x[i]);
}

static void range_f64(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const double *const a = t->concentration, *const x = t->logarithm;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) ((double *)t->to)[i] = one(a[i], x[i]);
}

dvt_status dvt_random_gamma_gradient_run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    task t = {dvt_tensor_data(call->inputs[0]), dvt_tensor_data(call->inputs[1]),
              dvt_tensor_data(to)};
    (void)error;
    dvt_parallel(call->host, (uint64_t)dvt_size(to), PICOSECONDS_EACH,
                 dvt_type_of(to->dtype) == DVT_TYPE_F32 ? range_f32 : range_f64, &t);
    return DVT_OK;
}

dvt_status dvt_random_gamma_gradient_prepare(const dvt_op *op, dvt_kernel_info *info,
                                             dvt_error *error) {
    (void)error;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 10 + (uint64_t)dvt_size(op->outputs[0]) * PICOSECONDS_EACH / 1000;
    return DVT_OK;
}
