/* The smallest Dovetail backend: one op, `add` of contiguous float32 arrays, on host memory. */
#include "dovetail.h"

static dvt_status add(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    const float *x = dvt_tensor_data(call->inputs[0]), *y = dvt_tensor_data(call->inputs[1]);
    float *z = dvt_tensor_data(out);
    int64_t n = 1;
    (void)error; /* nothing here can fail */
    for (int32_t axis = 0; axis < out->ndim; axis++) n *= out->shape[axis];
    for (int64_t i = 0; i < n; i++) z[i] = x[i] + y[i];
    return DVT_OK;
}

static const dvt_kernel_def kernels[] = {
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = add},
};

static const dvt_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = "acme",
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
