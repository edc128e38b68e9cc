/* Rung 0, second step: more types, and operands as they lie. One row, `multiply` in two types. */
#include <string.h>

#include "dovetail.h"

/* Where element `at` of an operand lies, in bytes from its first one. Strides count elements; 0 repeats
 * an axis, a negative one runs backwards. */
static int64_t offset(const dvt_tensor *t, const int64_t *at) {
    int64_t elements = 0;
    for (int32_t axis = 0; axis < t->ndim; axis++) elements += at[axis] * t->strides[axis];
    return elements * (t->dtype.bits / 8);
}

static void product(void *z, const void *x, const void *y, dvt_dtype dtype) {
    if (dtype.bits == 32) { /* memcpy, since the row promises to take unaligned operands */
        float a, b;
        memcpy(&a, x, sizeof a);
        memcpy(&b, y, sizeof b);
        a *= b;
        memcpy(z, &a, sizeof a);
    } else {
        double a, b;
        memcpy(&a, x, sizeof a);
        memcpy(&b, y, sizeof b);
        a *= b;
        memcpy(z, &a, sizeof a);
    }
}

static dvt_status multiply(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *x = call->inputs[0], *y = call->inputs[1], *z = call->outputs[0];
    const char *from_x = dvt_tensor_data(x), *from_y = dvt_tensor_data(y);
    char *to = dvt_tensor_data(z);
    int64_t at[64] = {0}, n = 1;
    (void)error;
    for (int32_t axis = 0; axis < z->ndim; axis++) n *= z->shape[axis];
    for (int64_t i = 0; i < n; i++) {
        product(to + offset(z, at), from_x + offset(x, at), from_y + offset(y, at), z->dtype);
        for (int32_t axis = z->ndim - 1; axis >= 0 && ++at[axis] == z->shape[axis]; axis--)
            at[axis] = 0;
    }
    return DVT_OK;
}

static const dvt_kernel_def kernels[] = {
    {.op = "multiply",
     .types = "T=f32|f64",
     .min_version = 1,
     .max_version = 1,
     .flags = DVT_KERNEL_STRIDED | DVT_KERNEL_UNALIGNED,
     .run = multiply},
};

static const dvt_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = "layouts",
    .version = "0.1.0",
    .kernels = kernels,
    .n_kernels = 1,
    .kernel_def_size = sizeof kernels[0],
};

const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
