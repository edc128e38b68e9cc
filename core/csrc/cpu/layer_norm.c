/* layer_norm over the last axis: a mean of some elements, then the squares of what is left after it and what
 * it lacks (so that a large mean costs no digits), then the result, all in the cache. */
#include <math.h>
#include <string.h>

#include "line.h"
#include "parallel.h"
#include "rows.h"

#define PICOSECONDS 400
#define SAMPLE 64 /* elements whose mean is near enough to that of all, most of the time */

typedef struct task {
    dvt_line_kind kind;
    const char *x, *scale, *bias;
    char *y;
    int64_t length;
    double epsilon;
} task;

/* The variance of a line, from its distances to `mean`, which is rounded to the type; `rest`: what that
 * lacks of the true one. */
static double spread(const dvt_line_kind *kind, const char *x, int64_t n, double mean,
                     double *rest) {
    float wide[DVT_LINE_BLOCK];
    double sums[2] = {0, 0};
    for (int64_t i = 0; i < n; i += DVT_LINE_BLOCK) {
        const size_t part = (size_t)(n - i < DVT_LINE_BLOCK ? n - i : DVT_LINE_BLOCK);
        const char *const block = x + i * (int64_t)kind->stored;
        kind->spread(sums, dvt_line_read(kind, block, wide, part), mean, part);
    }
    *rest = sums[1] / (double)n;
    return sums[0] / (double)n - *rest * *rest;
}

static void range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const dvt_line_kind *const kind = &t->kind;
    const int64_t n = t->length, stored = (int64_t)kind->stored;
    /* only 16-bit floats are widened */
    float wide[DVT_LINE_BLOCK], scale[DVT_LINE_BLOCK], bias[DVT_LINE_BLOCK];
    (void)worker;
    for (uint64_t row = begin; row < end; row++) {
        const char *const x = t->x + (int64_t)row * n * stored;
        char *const y = t->y + (int64_t)row * n * stored;
        const int64_t few = n < SAMPLE ? n : SAMPLE;
        double mean = dvt_line_sum(kind, x, few) / (double)few, rest;
        double variance = spread(kind, x, n, mean, &rest);
        if (rest * rest > variance) { /* the sample is far off, and digits are lost */
            mean += rest;
            variance = spread(kind, x, n, mean, &rest);
        }
        const double root = 1 / sqrt((variance < 0 ? 0 : variance) + t->epsilon);
        for (int64_t i = 0; i < n; i += DVT_LINE_BLOCK) {
            const size_t part = (size_t)(n - i < DVT_LINE_BLOCK ? n - i : DVT_LINE_BLOCK);
            void *const result = kind->half == DVT_HALF_NONE ? (void *)(y + i * stored) : wide;
            const void *const block = dvt_line_read(kind, x + i * stored, wide, part);
            kind->affine(result, block, mean, rest, root,
                         dvt_line_read(kind, t->scale + i * stored, scale, part),
                         dvt_line_read(kind, t->bias + i * stored, bias, part), part);
            dvt_line_write(kind, y + i * stored, result, part);
        }
    }
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const x = call->inputs[0];
    const int64_t total = dvt_size(x);
    task t = {.x = dvt_tensor_data(x),
              .scale = dvt_tensor_data(call->inputs[1]),
              .bias = dvt_tensor_data(call->inputs[2]),
              .y = dvt_tensor_data(call->outputs[0]),
              .length = x->shape[x->ndim - 1],
              .epsilon = dvt_attr_float(call->attrs, call->n_attrs, "epsilon", 1e-5)};
    (void)error;
    if (total == 0) return DVT_OK;
    dvt_line_kind_of(dvt_type_of(x->dtype), &t.kind);
    dvt_parallel(call->host, (uint64_t)(total / t.length), (uint64_t)t.length * PICOSECONDS, range,
                 &t);
    return DVT_OK;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    if (op->inputs[0]->ndim == 0) {
        info->reason = "layer_norm needs an axis to normalise over";
        return DVT_UNSUPPORTED;
    }
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 60 + (uint64_t)dvt_size(op->inputs[0]) * PICOSECONDS / 1000;
    info->may_alias = 1;
    return DVT_OK;
}

const dvt_kernel_def dvt_cpu_layer_norm_rows[] = {
    {.op = "layer_norm",
     .types = "T=" DVT_FLOAT_WORDS,
     .min_version = 1,
     .max_version = 1,
     .run = run,
     .prepare = prepare},
};
const uint32_t dvt_cpu_layer_norm_count = 1;
