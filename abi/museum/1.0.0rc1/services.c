/* A backend of 1.0.0rc1 that uses every service of its host: parallel_for, host_alloc and host_free, log,
 * fail, get_extension. Built with that header and nothing else; never edited. */
#include "dovetail.h"

typedef struct task {
    const float *x, *y;
    float *z;
} task;

static void add_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *t = context;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) t->z[i] = t->x[i] + t->y[i];
}

static uint64_t size(const dvt_tensor *t) {
    uint64_t n = 1;
    for (int32_t d = 0; d < t->ndim; d++) n *= (uint64_t)t->shape[d];
    return n;
}

/* Adds into memory of its own and copies: the service, not the speed, is the point. */
static dvt_status add(const dvt_call *call, dvt_error *error) {
    const dvt_host *host = call->host;
    uint64_t n = size(call->outputs[0]), bytes = n * sizeof(float);
    float *memory = host->host_alloc(host, bytes, 256), *z = dvt_tensor_data(call->outputs[0]);
    task t = {dvt_tensor_data(call->inputs[0]), dvt_tensor_data(call->inputs[1]), memory};
    if (memory == DVT_NULL || (uintptr_t)memory % 256 != 0)
        return host->fail(host, error, DVT_OUT_OF_MEMORY, "host_alloc gave nothing that fits");
    host->parallel_for(host, n, 1000, add_range, &t);
    for (uint64_t i = 0; i < n; i++) z[i] = memory[i];
    host->host_free(host, memory, bytes);
    return DVT_OK;
}

static dvt_status prepare_add(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    if (op->host->get_extension(op->host, "x-none") != DVT_NULL) return DVT_UNSUPPORTED;
    op->host->log(op->host, DVT_LOG_WARNING, "the exhibit adds");
    info->run = add;
    return DVT_OK;
}

static dvt_status divide(const dvt_call *call, dvt_error *error) {
    error->native_code = 41;
    return call->host->fail(call->host, error, DVT_INTERNAL, "division is out of order");
}

static const dvt_kernel_def rows[] = {
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .prepare = prepare_add},
    {.op = "divide", .types = "T=f32", .min_version = 1, .max_version = 1, .run = divide},
};

static const dvt_plugin plugin = {.struct_size = sizeof plugin,
                                  .abi_version = DVT_ABI_VERSION,
                                  .abi_required = 65536,
                                  .name = "services",
                                  .version = "1.0.0rc1",
                                  .kernels = rows,
                                  .n_kernels = 2,
                                  .kernel_def_size = sizeof rows[0]};

const dvt_plugin *dvt_plugin_query(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    if (host->n_threads < 1) {
        dvt_set_error(error, DVT_INCOMPATIBLE, "this host has no thread");
        return DVT_NULL;
    }
    return &plugin;
}
