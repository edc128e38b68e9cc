/* What the deliberately bad backends share: one kernel that is right, `add` of float32 and float64 on
 * host memory, and the plugin around it. A bad backend includes this and breaks one thing:
 *
 *     static dvt_status bad_add(const dvt_call *call, dvt_error *error) { ... }
 *     PLUGIN_WITH(rows[0].run = bad_add;)
 *
 * NAME is the device word, given by the test. */
#ifndef KERNELS_H
#define KERNELS_H

#include <stddef.h>

#include "dovetail.h"

/* What prepare makes and destroy frees: kernels may need something of their own. */
struct dvt_kernel {
    const dvt_host *host;
    uint64_t bytes;
};

static inline int64_t count(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t axis = 0; axis < t->ndim; axis++) n *= t->shape[axis];
    return n;
}

/* Where element i, in row-major order, lies in a view of any strides. */
static inline void *element(const dvt_tensor *t, int64_t i) {
    int64_t offset = 0;
    for (int32_t axis = t->ndim - 1; axis >= 0; axis--) {
        offset += i % t->shape[axis] * t->strides[axis];
        i /= t->shape[axis];
    }
    return (char *)dvt_tensor_data(t) + offset * (t->dtype.bits / 8);
}

static inline double get(const dvt_tensor *t, int64_t i) {
    const void *at = element(t, i);
    return t->dtype.bits == 32 ? (double)*(const float *)at : *(const double *)at;
}

static inline void put(const dvt_tensor *t, int64_t i, double value) {
    void *at = element(t, i);
    if (t->dtype.bits == 32)
        *(float *)at = (float)value; /* the sum of two floats is exact enough in double */
    else
        *(double *)at = value;
}

static inline void add_range(const dvt_call *call, int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; i++)
        put(call->outputs[0], i, get(call->inputs[0], i) + get(call->inputs[1], i));
}

static inline dvt_status add(const dvt_call *call, dvt_error *error) {
    (void)error;
    add_range(call, 0, count(call->outputs[0]));
    return DVT_OK;
}

static inline dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    dvt_kernel *kernel = op->host->host_alloc(op->host, sizeof *kernel, 64);
    if (kernel == NULL)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY,
                             "add: no memory for its kernel; free some and try again");
    kernel->host = op->host;
    kernel->bytes = sizeof *kernel;
    info->kernel = kernel;
    info->flags = DVT_INFO_DETERMINISTIC;
    return DVT_OK;
}

static inline void destroy(dvt_kernel *kernel) {
    kernel->host->host_free(kernel->host, kernel, kernel->bytes);
}

static dvt_kernel_def rows[] = {{.op = "add",
                                 .types = "T=f32|f64",
                                 .min_version = 1,
                                 .max_version = 1,
                                 .flags = DVT_KERNEL_STRIDED,
                                 .run = add,
                                 .prepare = prepare,
                                 .destroy = destroy}};

static dvt_plugin plugin = {.struct_size = sizeof plugin,
                            .abi_version = DVT_ABI_VERSION,
                            .abi_required = 65536,
                            .name = NAME,
                            .version = "1.2.3",
                            .vendor = "tests",
                            .kernels = rows,
                            .n_kernels = sizeof rows / sizeof rows[0],
                            .kernel_def_size = sizeof rows[0]};

/* The entry point, which first runs the statements that break something. */
#define PLUGIN_WITH(...)                                                                           \
    const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max, const dvt_host *host, \
                                       dvt_error *error) {                                         \
        (void)host;                                                                                \
        DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);                                        \
        __VA_ARGS__                                                                                \
        return &plugin;                                                                            \
    }

#endif /* KERNELS_H */
