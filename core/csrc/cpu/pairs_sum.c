/* Sums of complex numbers that lie one behind the other: blocks in lanes, joined pairwise, so that the
 * error grows with the logarithm of their number. */
#include <string.h>

#include "pairs.h"
#include "parallel.h"
#include "strided_loop.h"

/* Numbers of a block, and those that are added side by side. */
#define BLOCK 256
#define LANES 16
/* A single sum is cut into parts of at least this many numbers; how many depends on shapes alone. */
#define PART 32768
#define MAX_PARTS 64
#define PICOSECONDS 500

#define PAIR_SUM(end, type)                                                                        \
    static void block_##end(const type *x, int64_t n, type *to) {                                  \
        type sums[2 * LANES] = {0};                                                                \
        int64_t i = 0;                                                                             \
        for (; i + LANES <= n; i += LANES)                                                         \
            for (int k = 0; k < 2 * LANES; k++) sums[k] += x[2 * i + k];                           \
        for (int lane = 0; i < n; i++, lane++) {                                                   \
            sums[2 * lane] += x[2 * i];                                                            \
            sums[2 * lane + 1] += x[2 * i + 1];                                                    \
        }                                                                                          \
        for (int half = LANES; half > 1; half /= 2)                                                \
            for (int k = 0; k < half; k++) sums[k] += sums[k + half];                              \
        to[0] = sums[0];                                                                           \
        to[1] = sums[1];                                                                           \
    }                                                                                              \
    static void sum_##end(const void *x, int64_t n, void *to) {                                    \
        const type *const from = x;                                                                \
        type *const result = to;                                                                   \
        if (n <= BLOCK) {                                                                          \
            block_##end(from, n, result);                                                          \
            return;                                                                                \
        }                                                                                          \
        type right[2];                                                                             \
        const int64_t left = (n / BLOCK + 1) / 2 * BLOCK;                                          \
        sum_##end(from, left, result);                                                             \
        sum_##end(from + 2 * left, n - left, right);                                               \
        result[0] += right[0];                                                                     \
        result[1] += right[1];                                                                     \
    }
PAIR_SUM(f32, float)
PAIR_SUM(f64, double)

typedef struct task {
    void (*sum)(const void *x, int64_t n, void *to);
    const char *x;
    char *to;
    int64_t each, parts; /* numbers of a sum, and pieces it is cut into */
    uint32_t size;
} task;

/* Item i is part i % parts of sum i / parts. */
static void sum_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    (void)worker;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++) {
        const int64_t part = i % t->parts, first = t->each * part / t->parts;
        const int64_t n = t->each * (part + 1) / t->parts - first;
        t->sum(t->x + (i / t->parts * t->each + first) * t->size, n, t->to + i * t->size);
    }
}

/* Numbers of each sum over the last axes; -1 when other axes are summed. */
static int64_t numbers_of(const dvt_tensor *x, const dvt_attr *axis) {
    const int64_t *const axes = axis ? axis->values : NULL;
    const int32_t count = axis ? (int32_t)axis->count : 0;
    int64_t each = 1;
    if (!axis || axis->kind != DVT_ATTR_INT64 || count > x->ndim) return -1;
    for (int32_t i = 0; i < count; i++) {
        if (axes[i] != x->ndim - count + i) return -1;
        each *= x->shape[axes[i]];
    }
    return each;
}

static int64_t parts_of(int64_t sums, int64_t each) {
    const int64_t most = each / PART < MAX_PARTS ? each / PART : MAX_PARTS;
    return sums >= MAX_PARTS || most < 2 ? 1 : most;
}

static void divide(void *data, int64_t sums, int64_t each, uint32_t size) {
    for (int64_t i = 0; i < 2 * sums; i++) {
        if (size == 8)
            ((float *)data)[i] /= (float)each;
        else
            ((double *)data)[i] /= (double)each;
    }
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const x = call->inputs[0], *const y = call->outputs[0];
    const int64_t each = numbers_of(x, dvt_find_attr(call->attrs, call->n_attrs, "axis"));
    const int64_t sums = dvt_size(y), parts = parts_of(sums, each);
    task t = {.sum = x->dtype.bits == 64 ? sum_f32 : sum_f64,
              .x = dvt_tensor_data(x),
              .to = parts > 1 ? call->workspace : dvt_tensor_data(y),
              .each = each,
              .parts = parts,
              .size = x->dtype.bits / 8u};
    (void)error;
    dvt_parallel(call->host, (uint64_t)(sums * parts),
                 (uint64_t)(each / parts) * PICOSECONDS + 10000, sum_range, &t);
    for (int64_t i = 0; i < sums && parts > 1; i++)
        t.sum(t.to + i * parts * t.size, parts, (char *)dvt_tensor_data(y) + i * t.size);
    if (call->kernel) divide(dvt_tensor_data(y), sums, each, t.size);
    return DVT_OK;
}

dvt_status dvt_pairs_sum_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    static const char mean[] = "mean";
    const dvt_tensor *const x = op->inputs[0];
    const int64_t each = numbers_of(x, dvt_find_attr(op->attrs, op->n_attrs, "axis"));
    const int64_t sums = dvt_size(op->outputs[0]);
    (void)error;
    if (each < 0 || dvt_contiguous_size(x) < 0) {
        info->reason = "it sums the last axes of contiguous arrays";
        return DVT_UNSUPPORTED;
    }
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    if (strcmp(op->name, mean) == 0) info->kernel = (dvt_kernel *)(uintptr_t)mean; /* a mark */
    if (parts_of(sums, each) > 1)
        info->workspace_size = (uint64_t)(sums * parts_of(sums, each)) * (x->dtype.bits / 8u);
    info->cost_ns = 30 + (uint64_t)dvt_size(x) * PICOSECONDS / 1000;
    return DVT_OK;
}
