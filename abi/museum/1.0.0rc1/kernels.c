/* A backend of 1.0.0rc1, kernels alone: L0. Built with that header and nothing else; never edited. */
#include "dovetail.h"

static int64_t size(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t d = 0; d < t->ndim; d++) n *= t->shape[d];
    return n;
}

static dvt_status add(const dvt_call *call, dvt_error *error) {
    const float *x = dvt_tensor_data(call->inputs[0]), *y = dvt_tensor_data(call->inputs[1]);
    float *z = dvt_tensor_data(call->outputs[0]);
    (void)error;
    for (int64_t i = 0; i < size(call->outputs[0]); i++) z[i] = x[i] + y[i];
    return DVT_OK;
}

/* sum over all axes, prepared: refuses what it cannot do and asks for a workspace. */
static dvt_status sum_run(const dvt_call *call, dvt_error *error) {
    const float *x = dvt_tensor_data(call->inputs[0]);
    double *total = call->workspace;
    if (call->workspace_size < sizeof *total)
        return dvt_set_error(error, DVT_INTERNAL, "sum got no workspace");
    *total = 0;
    for (int64_t i = 0; i < size(call->inputs[0]); i++) *total += x[i];
    *(float *)dvt_tensor_data(call->outputs[0]) = (float)*total;
    return DVT_OK;
}

static dvt_status sum_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    if (op->outputs[0]->ndim != 0) {
        info->reason = "it sums over all axes alone";
        return DVT_UNSUPPORTED;
    }
    info->workspace_size = sizeof(double);
    info->cost_ns = 100;
    return DVT_OK;
}

static const dvt_kernel_def rows[] = {
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = add},
    {.op = "sum",
     .types = "T=f32",
     .min_version = 1,
     .max_version = 1,
     .run = sum_run,
     .prepare = sum_prepare},
};

static const dvt_plugin plugin = {.struct_size = sizeof plugin,
                                  .abi_version = DVT_ABI_VERSION,
                                  .abi_required = 65536,
                                  .name = "kernels",
                                  .version = "1.0.0rc1",
                                  .vendor = "museum",
                                  .kernels = rows,
                                  .n_kernels = 2,
                                  .kernel_def_size = sizeof rows[0]};

const dvt_plugin *dvt_plugin_query(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
