/* Rung 3: an extension of one vendor, found by name. Programs that know it ask for it; all others never see
 * it. Here it counts the kernel's runs. */
#include <stdatomic.h>
#include <string.h>

#include "dovetail.h"

/* What com.example.counters promises, in a header of the vendor's. The rules of dovetail.h hold here, too. */
typedef struct counters_api {
    uint32_t struct_size; /* sizeof(counters_api) */
    uint32_t flags;       /* none defined */
    /* Runs since the library was loaded. Thread: any. Owner: nothing. If null: not allowed. */
    uint64_t (*runs)(void);
} counters_api;

static atomic_uint_least64_t run_count;

static uint64_t runs(void) {
    return run_count;
}

static const void *get_extension(const char *name) {
    static const counters_api counters = {.struct_size = sizeof counters, .runs = runs};
    return strcmp(name, "com.example.counters") == 0 ? &counters : NULL;
}

static dvt_status square(const dvt_call *call, dvt_error *error) {
    const float *x = dvt_tensor_data(call->inputs[0]);
    float *y = dvt_tensor_data(call->outputs[0]);
    int64_t n = 1;
    (void)error;
    for (int32_t axis = 0; axis < call->outputs[0]->ndim; axis++)
        n *= call->outputs[0]->shape[axis];
    for (int64_t i = 0; i < n; i++) y[i] = x[i] * x[i];
    run_count++;
    return DVT_OK;
}

static const dvt_kernel_def kernels[] = {
    {.op = "square", .types = "T=f32", .min_version = 1, .max_version = 1, .run = square},
};

static const dvt_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = "extras",
    .version = "0.1.0",
    .kernels = kernels,
    .n_kernels = 1,
    .kernel_def_size = sizeof kernels[0],
    .get_extension = get_extension,
};

const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
