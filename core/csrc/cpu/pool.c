/* max_pool2d, avg_pool2d and avg_pool2d_gradient. */
#include "rows.h"

#include "pool.h"

#include <stdlib.h>

typedef struct pool_kernel {
    dvt_pool_shape shape;
    dvt_pool_fn function;
    uint64_t rows, grain;
} pool_kernel;

typedef struct pool_call {
    const pool_kernel *kernel;
    const void *in;
    void *out;
    int64_t *index;
} pool_call;

static const dvt_pool_element *element_of(dvt_dtype dtype) {
    static const dvt_pool_element *const ints[2][4] = {
        {&dvt_pool_i8, &dvt_pool_i16, &dvt_pool_i32, &dvt_pool_i64},
        {&dvt_pool_u8, &dvt_pool_u16, &dvt_pool_u32, &dvt_pool_u64}};
    if (dtype.lanes != 1) return 0;
    if (dtype.code == DVT_BFLOAT) return dtype.bits == 16 ? &dvt_pool_bf16 : 0;
    if (dtype.code == DVT_FLOAT)
        return dtype.bits == 32   ? &dvt_pool_f32
               : dtype.bits == 64 ? &dvt_pool_f64
               : dtype.bits == 16 ? &dvt_pool_f16
                                  : 0;
    if (dtype.code != DVT_INT && dtype.code != DVT_UINT) return 0;
    for (int i = 0; i < 4; i++)
        if (dtype.bits == 8 << i) return ints[dtype.code == DVT_UINT][i];
    return 0;
}

static int list(const dvt_op *op, const char *name, uint64_t count, int64_t *to) {
    const dvt_attr *attr = dvt_find_attr(op->attrs, op->n_attrs, name);
    if (!attr || attr->kind != DVT_ATTR_INT64 || attr->count != count) return 0;
    for (uint64_t i = 0; i < count; i++) to[i] = ((const int64_t *)attr->values)[i];
    return 1;
}

static dvt_pool_strides strides_of(const dvt_tensor *t) {
    return (dvt_pool_strides){t->strides[0], t->strides[1], t->strides[2], t->strides[3]};
}

static void tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const pool_call *call = context;
    (void)worker;
    call->kernel->function(&call->kernel->shape, call->in, call->out, call->index, (int64_t)begin,
                           (int64_t)end);
}

static dvt_status pool_run(const dvt_call *call, dvt_error *error) {
    const pool_kernel *kernel = (const pool_kernel *)(const void *)call->kernel;
    pool_call work = {.kernel = kernel,
                      .in = dvt_tensor_data(call->inputs[0]),
                      .out = dvt_tensor_data(call->outputs[0]),
                      .index = call->n_outputs > 1 ? dvt_tensor_data(call->outputs[1]) : 0};
    (void)error;
    if (kernel->rows <= kernel->grain)
        tasks(&work, 0, kernel->rows, 0);
    else
        call->host->parallel_for(call->host, kernel->rows, kernel->grain, tasks, &work);
    return DVT_OK;
}

/* large and small: the images with the windows and with a pixel per window. */
static dvt_status prepare(const dvt_op *op, const dvt_tensor *large, const dvt_tensor *small,
                          dvt_kernel_info *info, dvt_error *error, pool_kernel **made) {
    int64_t window[2], strides[2], padding[4];
    if (large->ndim != 4 || small->ndim != 4 || !element_of(large->dtype)) {
        info->reason = "pooling takes images of four axes and of one numeric type";
        return DVT_UNSUPPORTED;
    }
    if (!list(op, "window", 2, window) || !list(op, "strides", 2, strides) ||
        !list(op, "padding", 4, padding) || window[0] < 1 || window[1] < 1 || strides[0] < 1 ||
        strides[1] < 1 || (double)window[0] * (double)window[1] > INT32_MAX) {
        info->reason = "pooling needs a window and strides of two positive extents, four paddings";
        return DVT_UNSUPPORTED;
    }
    pool_kernel *kernel = malloc(sizeof *kernel);
    if (!kernel)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "pooling found no memory for its plan");
    *kernel =
        (pool_kernel){.shape = {.images = large->shape[0],
                                .channels = large->shape[3],
                                .height = large->shape[1],
                                .width = large->shape[2],
                                .out_h = small->shape[1],
                                .out_w = small->shape[2],
                                .window_h = window[0],
                                .window_w = window[1],
                                .stride_h = strides[0],
                                .stride_w = strides[1],
                                .top = padding[0],
                                .bottom = padding[1],
                                .left = padding[2],
                                .right = padding[3],
                                .count_include_pad = dvt_attr_int(op->attrs, op->n_attrs,
                                                                  "count_include_pad", 0) != 0,
                                .large = strides_of(large),
                                .small = strides_of(small)}};
    if (op->n_outputs > 1) kernel->shape.index = strides_of(op->outputs[1]);
    *made = kernel;
    return DVT_OK;
}

static dvt_status answer(pool_kernel *kernel, dvt_pool_fn function, int64_t height,
                         dvt_kernel_info *info) {
    const dvt_pool_shape *x = &kernel->shape;
    const double row_ns =
        50 + 0.3 * (double)(x->out_w * x->channels) * (double)(x->window_h * x->window_w);
    const double grain = 20000 / row_ns;
    kernel->function = function;
    kernel->rows = (uint64_t)(x->images * height);
    kernel->grain = grain < 1 ? 1 : (uint64_t)grain;
    info->flags |= DVT_INFO_DETERMINISTIC;
    info->cost_ns = (uint64_t)(row_ns * (double)(x->images * x->out_h));
    info->run = pool_run;
    info->kernel = (dvt_kernel *)(void *)kernel;
    return DVT_OK;
}

static dvt_status max_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    pool_kernel *kernel = 0;
    dvt_status status = prepare(op, op->inputs[0], op->outputs[0], info, error, &kernel);
    if (status != DVT_OK) return status;
    return answer(kernel, element_of(op->inputs[0]->dtype)->max, kernel->shape.out_h, info);
}

static dvt_status average_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    pool_kernel *kernel = 0;
    dvt_status status = prepare(op, op->inputs[0], op->outputs[0], info, error, &kernel);
    if (status != DVT_OK) return status;
    return answer(kernel, element_of(op->inputs[0]->dtype)->average, kernel->shape.out_h, info);
}

static dvt_status gradient_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    pool_kernel *kernel = 0;
    dvt_status status = prepare(op, op->outputs[0], op->inputs[0], info, error, &kernel);
    if (status != DVT_OK) return status;
    return answer(kernel, element_of(op->inputs[0]->dtype)->average_gradient, kernel->shape.height,
                  info);
}

static void pool_destroy(dvt_kernel *kernel) {
    free(kernel);
}

#define FLOATS "T=f32|f64|f16|bf16"
#define POOL_ROW(name, type_words, function)                                                       \
    {.op = name,                                                                                   \
     .types = type_words,                                                                          \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = DVT_KERNEL_STRIDED,                                                                  \
     .prepare = function,                                                                          \
     .destroy = pool_destroy}

const dvt_kernel_def dvt_cpu_pool_rows[] = {
    POOL_ROW("max_pool2d", FLOATS "|i8|i16|i32|i64|u8|u16|u32|u64", max_prepare),
    POOL_ROW("avg_pool2d", FLOATS, average_prepare),
    POOL_ROW("avg_pool2d_gradient", FLOATS, gradient_prepare),
};
const uint32_t dvt_cpu_pool_count = sizeof dvt_cpu_pool_rows / sizeof dvt_cpu_pool_rows[0];
