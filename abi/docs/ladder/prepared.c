/* Rung 0, third step: prepare. It looks at shapes and attributes before any data is there, declines with a
 * reason, and asks for a workspace. One op: `sum` of all elements, on the host's threads. */
#include "dovetail.h"

#define BLOCK 16384

static int64_t size(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t axis = 0; axis < t->ndim; axis++) n *= t->shape[axis];
    return n;
}

typedef struct sums {
    const float *x;
    double *partial; /* one for each block */
    int64_t n;
} sums;

/* The blocks are the same however the host splits the work, and so is the result. */
static void sum_blocks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const sums *s = context;
    (void)worker;
    for (int64_t block = (int64_t)begin; block < (int64_t)end; block++) {
        int64_t from = block * BLOCK, to = from + BLOCK < s->n ? from + BLOCK : s->n;
        double total = 0;
        for (int64_t i = from; i < to; i++) total += (double)s->x[i];
        s->partial[block] = total;
    }
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    sums s = {dvt_tensor_data(call->inputs[0]), call->workspace, size(call->inputs[0])};
    uint64_t blocks = call->workspace_size / sizeof(double);
    double total = 0;
    (void)error;
    call->host->parallel_for(call->host, blocks, 1, sum_blocks, &s);
    for (uint64_t i = 0; i < blocks; i++) total += s.partial[i];
    *(float *)dvt_tensor_data(call->outputs[0]) = (float)total;
    return DVT_OK;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *x = op->inputs[0];
    const dvt_attr *axis = dvt_find_attr(op->attrs, op->n_attrs, "axis");
    (void)error; /* a refusal is no error, and formats nothing */
    if (axis != DVT_NULL && axis->count != (uint64_t)x->ndim) {
        info->reason = "it sums over all axes at once, not over some of them";
        return DVT_UNSUPPORTED;
    }
    info->run = run;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->workspace_size = (uint64_t)(size(x) + BLOCK - 1) / BLOCK * sizeof(double);
    info->cost_ns = 100 + (uint64_t)size(x) / 4;
    return DVT_OK;
}

static const dvt_kernel_def kernels[] = {
    {.op = "sum", .types = "T=f32", .min_version = 1, .max_version = 1, .prepare = prepare},
};

static const dvt_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = "prepared",
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
