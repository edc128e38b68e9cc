/* Rows for `copy` and `add` of contiguous arrays, on host memory: nothing of it takes strides. */
#include <string.h>

#include "good.h"

static dvt_status copy(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    size_t bytes = sizeof(float);
    (void)error;
    for (int32_t axis = 0; axis < out->ndim; axis++) bytes *= (size_t)out->shape[axis];
    memcpy(dvt_tensor_data(out), dvt_tensor_data(call->inputs[0]), bytes);
    return DVT_OK;
}

static const dvt_kernel_def rows[] = {
    GOOD_ROW,
    {.op = "copy", .types = "T=f32", .min_version = 1, .max_version = 1, .run = copy},
};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
