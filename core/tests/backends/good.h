/* What the backends of these tests share: one kernel, float32 add, and a table that is right. A bad
 * backend includes this and breaks one thing. NAME is the device word, given by the test. */
#ifndef GOOD_H
#define GOOD_H

#include <stddef.h>

#include "dovetail.h"

static inline dvt_status add(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    const float *x = dvt_tensor_data(call->inputs[0]), *y = dvt_tensor_data(call->inputs[1]);
    float *z = dvt_tensor_data(out);
    int64_t n = 1;
    (void)error;
    for (int32_t axis = 0; axis < out->ndim; axis++) n *= out->shape[axis];
    for (int64_t i = 0; i < n; i++) z[i] = x[i] + y[i];
    return DVT_OK;
}

#define GOOD_ROW {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = add}

#define GOOD_PLUGIN(rows)                                                                          \
    .struct_size = sizeof(dvt_plugin), .abi_version = DVT_ABI_VERSION, .abi_required = 65536,      \
    .name = NAME, .version = "1.2.3", .vendor = "tests", .kernels = rows,                          \
    .n_kernels = sizeof(rows) / sizeof((rows)[0]), .kernel_def_size = sizeof((rows)[0])

#define QUERY                                                                                      \
    const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max, const dvt_host *host, \
                                       dvt_error *error)

#endif /* GOOD_H */
