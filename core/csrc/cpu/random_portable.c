/* The ops portable_log and portable_exp: element by element, the same bits in every variant. */
#include "element.h"
#include "parallel.h"
#include "random_math.h"
#include "random_rows.h"

#define PICOSECONDS_EACH 3000

typedef struct task {
    const void *x;
    void *y;
} task;

#define LOOP(name, type, function)                                                                 \
    static void name(void *context, uint64_t begin, uint64_t end, uint32_t worker) {               \
        const task *const t = context;                                                             \
        const type *const x = t->x;                                                                \
        type *const y = t->y;                                                                      \
        (void)worker;                                                                              \
        for (uint64_t i = begin; i < end; i++) y[i] = function(x[i]);                              \
    }

LOOP(log_f32, float, dvt_portable_log_f32)
LOOP(log_f64, double, dvt_portable_log_f64)
LOOP(exp_f32, float, dvt_portable_exp_f32)
LOOP(exp_f64, double, dvt_portable_exp_f64)

static dvt_status run(const dvt_call *call, dvt_range_fn single, dvt_range_fn wide) {
    const dvt_tensor *const y = call->outputs[0];
    task t = {.x = dvt_tensor_data(call->inputs[0]), .y = dvt_tensor_data(y)};
    dvt_parallel(call->host, (uint64_t)dvt_size(y), PICOSECONDS_EACH,
                 dvt_type_of(y->dtype) == DVT_TYPE_F32 ? single : wide, &t);
    return DVT_OK;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info) {
    info->flags = DVT_INFO_DETERMINISTIC;
    info->may_alias = 1; /* each element is read before it is written */
    info->cost_ns = 10 + (uint64_t)dvt_size(op->outputs[0]) * PICOSECONDS_EACH / 1000;
    return DVT_OK;
}

dvt_status dvt_random_portable_log_run(const dvt_call *call, dvt_error *error) {
    (void)error;
    return run(call, log_f32, log_f64);
}

dvt_status dvt_random_portable_exp_run(const dvt_call *call, dvt_error *error) {
    (void)error;
    return run(call, exp_f32, exp_f64);
}

dvt_status dvt_random_portable_log_prepare(const dvt_op *op, dvt_kernel_info *info,
                                           dvt_error *error) {
    (void)error;
    return prepare(op, info);
}

dvt_status dvt_random_portable_exp_prepare(const dvt_op *op, dvt_kernel_info *info,
                                           dvt_error *error) {
    (void)error;
    return prepare(op, info);
}
