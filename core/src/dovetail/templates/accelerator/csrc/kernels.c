/* The capability of the device as data, and how a row becomes a kernel. A real driver compiles or picks
 * a function of the chip in choose_..., and its compute launches it.
 *
 * Only `copy` sets DVT_KERNEL_STRIDED: everywhere else operands arrive contiguous, broadcast and of
 * equal types, and the host copies what is not. */
#include "kernel.h"

#include <stdlib.h>
#include <string.h>

#include "stream.h"

uint64_t tensor_count(const dvt_tensor *t) {
    uint64_t n = 1;
    for (int32_t d = 0; d < t->ndim; d++) n *= (uint64_t)t->shape[d];
    return n;
}

/* ---- the simplest two kinds ---- */

static void run_element(const task *t, void *const *operands, void *workspace) {
    const dvt_kernel *k = (const dvt_kernel *)(const void *)t;
    (void)workspace;
    if (k->count == 0) return;
    k->element(operands[0], operands[t->n_inputs - 1], operands[t->n_inputs], k->count);
}

dvt_status choose_element(const dvt_op *op, dvt_kernel *k, const char **reason) {
    const element_op *row = element_find(op->name, op->version);
    k->element = row != NULL && k->type < N_TYPES ? row->compute[k->type] : NULL;
    *reason = "its arithmetic has not this type";
    k->task.name = row != NULL ? row->name : NULL;
    k->task.compute = run_element;
    return k->element != NULL ? DVT_OK : DVT_UNSUPPORTED;
}

/* The op `copy` is the copy slot: no prepare, any strides. */
static dvt_status run_copy(const dvt_call *call, dvt_error *error) {
    const dvt_copy copy = {.struct_size = sizeof copy,
                           .source = call->inputs[0],
                           .destination = call->outputs[0],
                           .source_device = call->device,
                           .destination_device = call->device,
                           .stream = call->stream,
                           .tag = call->tag};
    return copy_enqueue(call->device, &copy, error);
}

/* ---- prepare, run, destroy: the same for every row ---- */

static dvt_status run(const dvt_call *call, dvt_error *error) {
    return task_submit(&call->kernel->task, call, error);
}

static void destroy(dvt_kernel *k) {
    task_release(&k->task); /* commands that are queued hold it a little longer */
}

/* A launch, and four bytes moved per nanosecond; a real driver has a model of its chip. */
static uint64_t cost(const task *t) {
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < t->n_inputs + t->n_outputs; i++) bytes += t->bytes[i];
    return 2000 + bytes / 4;
}

static uint32_t operands_of(const char *name) {
    const element_op *row = element_find(name, 1);
    return row != NULL ? row->n_inputs : strcmp(name, "matmul") == 0 ? 2 : 1;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error,
                          kernel_choose choose) {
    const uint32_t n = op->n_inputs + op->n_outputs;
    if (op->n_inputs != operands_of(op->name) || op->n_outputs != 1)
        return fail(error, DVT_INVALID_ARGUMENT, "%s: %u operands and %u results, for %u and 1",
                    op->name, op->n_inputs, op->n_outputs, operands_of(op->name));
    dvt_kernel *k = calloc(1, sizeof *k);
    if (k == NULL) return fail(error, DVT_OUT_OF_MEMORY, "%s: no host memory left", op->name);
    task *t = &k->task;
    atomic_init(&t->references, 1);
    t->n_inputs = op->n_inputs;
    t->n_outputs = op->n_outputs;
    for (uint32_t i = 0; i < n; i++) {
        const dvt_tensor *x = i < op->n_inputs ? op->inputs[i] : op->outputs[i - op->n_inputs];
        for (int32_t d = 0; d < x->ndim; d++) {
            if (x->shape[d] >= 0) continue;
            info->reason = "its kernels need extents that are known before they run";
            free(k);
            return DVT_UNSUPPORTED;
        }
        t->bytes[i] = (tensor_count(x) * x->dtype.bits * x->dtype.lanes + 7) / 8;
    }
    k->count = tensor_count(op->outputs[0]);
    k->type = element_type_of(op->inputs[0]->dtype);
    const char *reason = NULL;
    dvt_status status = choose(op, k, &reason);
    if (status != DVT_OK) {
        info->reason = reason;
        free(k);
        return status;
    }
    info->run = run;
    info->kernel = k;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->workspace_size = t->workspace;
    info->cost_ns = cost(t);
    if (choose == choose_element) info->may_alias = op->n_inputs == 2 ? 3 : 1;
    return DVT_OK;
}

#define PREPARE(name)                                                                              \
    static dvt_status prepare_##name(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {  \
        return prepare(op, info, error, choose_##name);                                            \
    }
PREPARE(element)
PREPARE(matmul)
PREPARE(sum)
PREPARE(cast)

#define ROW(word, type_words, function)                                                            \
    {.op = word,                                                                                   \
     .types = type_words,                                                                          \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .prepare = function,                                                                          \
     .destroy = destroy}
#define NUMBERS "T=f32|f64|i32|i64"
#define REALS "T=f32|f64"
#define ALL "bool|i8|i16|i32|i64|u8|u16|u32|u64|f16|bf16|f32|f64|c64|c128"
#define CASTS "bool|i32|i64|f32|f64"

const dvt_kernel_def kernel_rows[N_KERNEL_ROWS] = {
    ROW("add", NUMBERS, prepare_element),
    ROW("subtract", NUMBERS, prepare_element),
    ROW("multiply", NUMBERS, prepare_element),
    ROW("divide", REALS, prepare_element),
    ROW("maximum", NUMBERS, prepare_element),
    ROW("minimum", NUMBERS, prepare_element),
    ROW("negative", NUMBERS, prepare_element),
    ROW("exp", REALS, prepare_element),
    ROW("matmul", NUMBERS, prepare_matmul),
    ROW("sum", NUMBERS, prepare_sum),
    ROW("astype", "S=" CASTS ";T=" CASTS, prepare_cast),
    {.op = "copy",
     .types = "T=" ALL,
     .min_version = 1,
     .max_version = 1,
     .flags = DVT_KERNEL_STRIDED | DVT_KERNEL_UNALIGNED,
     .run = run_copy},
};
