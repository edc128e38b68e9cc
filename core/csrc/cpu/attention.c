/* The ops attention and attention_gradient: reading a call, and running the forward pass. */
#include "attention.h"
#include "element.h"
#include "nothing.h"
#include "rows.h"

#include <stdlib.h>

typedef struct forward_kernel {
    dvt_attention_call call; /* without addresses */
    const dvt_attention_type *type;
    uint32_t threads;
} forward_kernel;

typedef struct forward_run {
    const dvt_attention_call *call;
    const dvt_attention_type *type;
} forward_run;

const dvt_attention_type *dvt_attention_type_of(const dvt_gemm_element *element) {
    return element->type == &dvt_gemm_f64 ? &dvt_attention_f64 : &dvt_attention_f32;
}

dvt_attention_view dvt_attention_view_of(const dvt_tensor *t, int broadcast) {
    dvt_attention_view view = {.data = dvt_tensor_data(t),
                               .batch = t->strides[0],
                               .head = t->strides[1],
                               .row = t->strides[2]};
    if (t->ndim > 3) view.column = t->strides[3];
    if (!broadcast) return view;
    if (t->shape[0] == 1) view.batch = 0;
    if (t->shape[1] == 1) view.head = 0;
    if (t->shape[2] == 1) view.row = 0;
    if (t->shape[3] == 1) view.column = 0;
    return view;
}

const char *dvt_attention_read(dvt_attention_shape *shape, const dvt_op *op) {
    const dvt_tensor *q = op->inputs[0], *k = op->inputs[1], *v = op->inputs[2];
    const dvt_gemm_element *element = dvt_gemm_element_of(q->dtype);
    if (q->ndim != 4 || k->ndim != 4 || v->ndim != 4)
        return "attention takes queries, keys and values of four axes";
    if (!element || (element->type != &dvt_gemm_f32 && element->type != &dvt_gemm_f64))
        return "attention takes float16, bfloat16, float32 and float64";
    const int64_t everywhere = INT64_MAX / 4;
    *shape = (dvt_attention_shape){
        .element = element,
        .batch = q->shape[0],
        .heads = q->shape[1],
        .key_heads = k->shape[1],
        .queries = q->shape[2],
        .keys = k->shape[2],
        .depth = q->shape[3],
        .width = v->shape[3],
        .low = dvt_attr_int(op->attrs, op->n_attrs, "low", -everywhere),
        .high = dvt_attr_int(op->attrs, op->n_attrs, "high", everywhere),
        .scale = dvt_attr_float(op->attrs, op->n_attrs, "scale", 1.0),
    };
    if (shape->low < -everywhere) shape->low = -everywhere;
    if (shape->high > everywhere) shape->high = everywhere;
    if (shape->key_heads < 1 || shape->heads % shape->key_heads != 0)
        return "the heads of the keys divide those of the queries";
    shape->values_in_place =
        element->same && v->strides[3] == 1 && shape->width % element->type->nr == 0;
    return 0;
}

static void pack_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const forward_run *run = context;
    (void)worker;
    for (uint64_t task = begin; task < end; task++) run->type->pack(run->call, (int64_t)task);
}

static void forward_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const forward_run *run = context;
    for (uint64_t task = begin; task < end; task++)
        run->type->forward(run->call, (int64_t)task, worker);
}

static dvt_status forward_run_all(const dvt_call *given, dvt_error *error) {
    const forward_kernel *kernel = (const forward_kernel *)(const void *)given->kernel;
    dvt_attention_call call = kernel->call;
    const dvt_attention_shape *x = &call.shape;
    const forward_run run = {.call = &call, .type = kernel->type};
    if (given->host->n_threads > kernel->threads)
        return dvt_set_error(error, DVT_INTERNAL,
                             "attention was prepared for fewer threads than this host now has; "
                             "prepare it again");
    call.q.data = dvt_tensor_data(given->inputs[0]);
    call.k.data = dvt_tensor_data(given->inputs[1]);
    call.v.data = dvt_tensor_data(given->inputs[2]);
    if (x->has_bias) call.bias.data = dvt_tensor_data(given->inputs[3]);
    call.y.data = dvt_tensor_data(given->outputs[0]);
    call.lse.data = dvt_tensor_data(given->outputs[1]);
    call.workspace = given->workspace;
    const uint64_t packs =
        (uint64_t)(x->batch * x->key_heads * dvt_attention_blocks(x->keys, DVT_ATTENTION_COLUMNS));
    const uint64_t tasks = (uint64_t)(x->batch * (x->heads / x->together) *
                                      dvt_attention_blocks(x->queries, DVT_ATTENTION_ROWS));
    /* A block of queries against few keys is not worth a thread. */
    const uint64_t small = x->keys * x->depth < 4096 ? 8 : 1;
    if (tasks <= small) {
        pack_tasks((void *)(uintptr_t)&run, 0, packs, 0);
        forward_tasks((void *)(uintptr_t)&run, 0, tasks, 0);
        return DVT_OK;
    }
    given->host->parallel_for(given->host, packs, 4 * small, pack_tasks, (void *)(uintptr_t)&run);
    given->host->parallel_for(given->host, tasks, small, forward_tasks, (void *)(uintptr_t)&run);
    return DVT_OK;
}

void dvt_attention_destroy(dvt_kernel *kernel) {
    free(kernel);
}

static dvt_status forward_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    dvt_attention_shape x;
    if (op->n_inputs < 3 || op->n_inputs > 4 || op->n_outputs != 2) {
        info->reason = "attention takes queries, keys, values and at most one bias";
        return DVT_UNSUPPORTED;
    }
    const char *reason = dvt_attention_read(&x, op);
    if (!reason &&
        (op->outputs[1]->ndim != 3 ||
         dvt_type_size(dvt_type_of(op->outputs[1]->dtype)) != (uint32_t)x.element->type->size))
        reason = "attention gives logarithms of three axes in the type it computes in";
    if (!reason && (x.batch == 0 || x.queries == 0 || x.keys == 0 || x.width == 0 || x.heads == 0))
        reason = "attention over nothing is left to its decomposition";
    if (reason) {
        info->reason = reason;
        return DVT_UNSUPPORTED;
    }
    forward_kernel *kernel = malloc(sizeof *kernel);
    if (!kernel)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "attention found no memory for its plan");
    const int64_t nr = x.element->type->nr, size = x.element->type->size;
    const int64_t depth = dvt_attention_up(x.depth, nr), width = dvt_attention_up(x.width, nr);
    x.has_bias = op->n_inputs == 4;
    /* Few queries: the heads of a group make one product with their keys. */
    x.together = x.heads / x.key_heads;
    if (x.queries > DVT_ATTENTION_ROWS / x.together) x.together = 1;
    *kernel = (forward_kernel){.call = {.shape = x,
                                        .q = dvt_attention_view_of(op->inputs[0], 0),
                                        .k = dvt_attention_view_of(op->inputs[1], 0),
                                        .v = dvt_attention_view_of(op->inputs[2], 0),
                                        .y = dvt_attention_view_of(op->outputs[0], 0),
                                        .lse = dvt_attention_view_of(op->outputs[1], 0)},
                               .type = dvt_attention_type_of(x.element),
                               .threads = op->host ? op->host->n_threads : 1};
    if (kernel->threads == 0) kernel->threads = 1;
    if (x.has_bias) kernel->call.bias = dvt_attention_view_of(op->inputs[3], 1);
    const uint64_t pairs = (uint64_t)(x.batch * x.key_heads);
    const uint64_t rows = (uint64_t)dvt_attention_up(x.keys, nr);
    uint64_t bytes = 0;
    kernel->call.keys_at = bytes;
    bytes += (pairs * rows * (uint64_t)x.depth + 64) * (uint64_t)size;
    kernel->call.values_at = bytes;
    if (!x.values_in_place) bytes += pairs * (uint64_t)(x.keys * width * size);
    bytes = (bytes + 63) / 64 * 64;
    kernel->call.mine_at = bytes;
    /* Queries, scores, results, and for each row its maximum, sum and factor. */
    kernel->call.mine_bytes =
        (uint64_t)(DVT_ATTENTION_ROWS * (depth + DVT_ATTENTION_LINE + width + 3) * size + 127) /
        64 * 64;
    info->workspace_size = bytes + kernel->threads * kernel->call.mine_bytes;
    const double products = 2.0 * (double)(x.batch * x.heads) * (double)x.queries * (double)x.keys;
    info->cost_ns = 1000 + (uint64_t)(products * (double)(x.depth + x.width + 16) /
                                      x.element->type->flops_ns / 2 / kernel->threads);
    info->flags |= DVT_INFO_DETERMINISTIC;
    info->run = forward_run_all;
    info->kernel = (dvt_kernel *)(void *)kernel;
    return DVT_OK;
}

#define ROW(name, function)                                                                        \
    {.op = name,                                                                                   \
     .types = "T=f32|f64|f16|bf16;L=f32|f64",                                                      \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = DVT_KERNEL_STRIDED,                                                                  \
     .prepare = function,                                                                          \
     .destroy = dvt_attention_destroy}

const dvt_kernel_def dvt_cpu_attention_rows[] = {
    ROW("attention", forward_prepare),
    ROW("attention_gradient", dvt_attention_backward_prepare),
};
const uint32_t dvt_cpu_attention_count =
    sizeof dvt_cpu_attention_rows / sizeof dvt_cpu_attention_rows[0];
