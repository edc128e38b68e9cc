/* The op attention_gradient: planning and running the backward pass. */
#include "attention.h"
#include "element.h"

#include <stdlib.h>

/* Tasks that keep the threads of a large machine busy when there are few heads; their number must not
 * follow the machine, for the sums of dq do. Each costs memory of the size of the queries. */
#define TASKS 8

typedef struct backward_kernel {
    dvt_attention_call call; /* without addresses */
    const dvt_attention_type *type;
    uint32_t threads;
} backward_kernel;

typedef struct backward_run {
    const dvt_attention_call *call;
    const dvt_attention_type *type;
} backward_run;

static void unpack_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const backward_run *run = context;
    (void)worker;
    for (uint64_t task = begin; task < end; task++) run->type->unpack(run->call, (int64_t)task);
}

static void backward_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const backward_run *run = context;
    for (uint64_t task = begin; task < end; task++)
        run->type->backward(run->call, (int64_t)task, worker);
}

static void finish_tasks(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const backward_run *run = context;
    (void)worker;
    for (uint64_t task = begin; task < end; task++) run->type->finish(run->call, (int64_t)task);
}

static dvt_status backward_run_all(const dvt_call *given, dvt_error *error) {
    const backward_kernel *kernel = (const backward_kernel *)(const void *)given->kernel;
    dvt_attention_call call = kernel->call;
    const dvt_attention_shape *x = &call.shape;
    const backward_run run = {.call = &call, .type = kernel->type};
    void *const context = (void *)(uintptr_t)&run;
    if (given->host->n_threads > kernel->threads)
        return dvt_set_error(error, DVT_INTERNAL,
                             "attention_gradient was prepared for fewer threads than this host now "
                             "has; prepare it again");
    call.q.data = dvt_tensor_data(given->inputs[0]);
    call.k.data = dvt_tensor_data(given->inputs[1]);
    call.v.data = dvt_tensor_data(given->inputs[2]);
    call.lse.data = dvt_tensor_data(given->inputs[3]);
    call.delta.data = dvt_tensor_data(given->inputs[4]);
    call.g.data = dvt_tensor_data(given->inputs[5]);
    if (x->has_bias) call.bias.data = dvt_tensor_data(given->inputs[6]);
    call.dq.data = dvt_tensor_data(given->outputs[0]);
    call.dk.data = dvt_tensor_data(given->outputs[1]);
    call.dv.data = dvt_tensor_data(given->outputs[2]);
    call.workspace = given->workspace;
    const uint64_t rows =
        (uint64_t)(x->batch * x->heads * dvt_attention_blocks(x->queries, DVT_ATTENTION_ROWS));
    const uint64_t tasks = (uint64_t)(x->batch * x->key_heads * call.splits);
    if (x->queries * x->keys * x->depth < 65536) {
        unpack_tasks(context, 0, rows, 0);
        backward_tasks(context, 0, tasks, 0);
        finish_tasks(context, 0, rows, 0);
        return DVT_OK;
    }
    given->host->parallel_for(given->host, rows, 4, unpack_tasks, context);
    given->host->parallel_for(given->host, tasks, 1, backward_tasks, context);
    given->host->parallel_for(given->host, rows, 4, finish_tasks, context);
    return DVT_OK;
}

static const char *check(const dvt_op *op, dvt_attention_shape *x) {
    if (op->n_inputs < 6 || op->n_inputs > 7 || op->n_outputs != 3)
        return "attention_gradient takes six operands and at most one bias";
    const char *const reason = dvt_attention_read(x, op);
    if (reason) return reason;
    const dvt_tensor *const lse = op->inputs[3], *const delta = op->inputs[4];
    const uint32_t size = (uint32_t)x->element->type->size;
    if (lse->ndim != 3 || delta->ndim != 3 || op->inputs[5]->ndim != 4 ||
        dvt_type_size(dvt_type_of(lse->dtype)) != size ||
        dvt_type_size(dvt_type_of(delta->dtype)) != size)
        return "attention_gradient takes logarithms of three axes in the type it computes in";
    if (x->batch == 0 || x->queries == 0 || x->keys == 0 || x->heads == 0 || x->depth == 0 ||
        x->width == 0)
        return "the gradient of attention over nothing is left to its decomposition";
    return 0;
}

dvt_status dvt_attention_backward_prepare(const dvt_op *op, dvt_kernel_info *info,
                                          dvt_error *error) {
    dvt_attention_shape x;
    const char *const reason = check(op, &x);
    if (reason) {
        info->reason = reason;
        return DVT_UNSUPPORTED;
    }
    backward_kernel *kernel = malloc(sizeof *kernel);
    if (!kernel)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY,
                             "attention_gradient found no memory for its plan");
    x.has_bias = op->n_inputs == 7;
    *kernel = (backward_kernel){.call = {.shape = x,
                                         .q = dvt_attention_view_of(op->inputs[0], 0),
                                         .k = dvt_attention_view_of(op->inputs[1], 0),
                                         .v = dvt_attention_view_of(op->inputs[2], 0),
                                         .lse = dvt_attention_view_of(op->inputs[3], 0),
                                         .delta = dvt_attention_view_of(op->inputs[4], 0),
                                         .g = dvt_attention_view_of(op->inputs[5], 0),
                                         .dq = dvt_attention_view_of(op->outputs[0], 0),
                                         .dk = dvt_attention_view_of(op->outputs[1], 0),
                                         .dv = dvt_attention_view_of(op->outputs[2], 0)},
                                .type = dvt_attention_type_of(x.element),
                                .threads = op->host ? op->host->n_threads : 1};
    dvt_attention_call *const call = &kernel->call;
    if (kernel->threads == 0) kernel->threads = 1;
    if (x.has_bias) call->bias = dvt_attention_view_of(op->inputs[6], 1);
    const int64_t nr = x.element->type->nr, size = x.element->type->size;
    const int64_t depth = dvt_attention_up(x.depth, nr), width = dvt_attention_up(x.width, nr);
    const int64_t blocks = dvt_attention_blocks(x.keys, DVT_ATTENTION_COLUMNS);
    const int64_t pairs = x.batch * x.key_heads;
    call->splits = dvt_attention_blocks(TASKS, pairs);
    if (call->splits > blocks) call->splits = blocks;
    const uint64_t rows = (uint64_t)(x.batch * x.heads * x.queries);
    uint64_t bytes = 0;
    call->queries_at = bytes;
    bytes += (rows * (uint64_t)(depth * size) + 63) / 64 * 64;
    call->gradient_at = bytes;
    bytes += (rows * (uint64_t)(width * size) + 63) / 64 * 64;
    call->sums_at = bytes;
    bytes += ((uint64_t)call->splits * rows * (uint64_t)(depth * size) + 63) / 64 * 64;
    call->mine_at = bytes;
    call->mine_bytes = (uint64_t)((DVT_ATTENTION_COLUMNS * (3 * depth + 2 * width) + 128 +
                                   2 * DVT_ATTENTION_ROWS * DVT_ATTENTION_LINE) *
                                      size +
                                  63) /
                       64 * 64;
    info->workspace_size = bytes + kernel->threads * call->mine_bytes;
    const double products = (double)(x.batch * x.heads) * (double)x.queries * (double)x.keys;
    info->cost_ns = 1000 + (uint64_t)(products * (double)(3 * x.depth + 2 * x.width + 16) /
                                      x.element->type->flops_ns / kernel->threads);
    info->flags |= DVT_INFO_DETERMINISTIC;
    info->run = backward_run_all;
    info->kernel = (dvt_kernel *)(void *)kernel;
    return DVT_OK;
}
