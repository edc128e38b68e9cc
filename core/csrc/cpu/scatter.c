/* The scattering ops of whole slices at positions of one axis. Wide rows, and all rows of
 * 16-bit floats, go through a list of the updates of each row, in the order of the indices: then a row
 * is read and written once. Narrow rows are not worth that, and go index by index. */
#include "scatter.h"

#include <string.h>

#include "copy.h"
#include "gather_index.h"
#include "parallel.h"

#define PICOSECONDS_PER_INDEX 2500
#define PICOSECONDS_PER_ROW 1000
#define PICOSECONDS_PER_BYTE 100
/* Bytes of a row that is worth a list. */
#define WIDE_ROW 64

typedef struct task {
    const dvt_scattering *op;
    const char *x, *updates;
    char *to;
    int64_t *positions;    /* per index */
    int64_t *order, *ends; /* the indices by position, and where those of a position end */
    dvt_axis_split split;
    int64_t n; /* of the indices */
    int64_t column_blocks;
} task;

static int needs_lists(const dvt_scattering *op, const dvt_axis_split *split) {
    return op->half != DVT_HALF_NONE || split->inner * (int64_t)op->size >= WIDE_ROW;
}

/* A stable sort by counting. */
static void make_lists(const task *t) {
    int64_t begin = 0;
    memset(t->ends, 0, (size_t)t->split.extent * sizeof *t->ends);
    for (int64_t k = 0; k < t->n; k++) t->ends[t->positions[k]]++;
    for (int64_t row = 0; row < t->split.extent; row++) {
        const int64_t count = t->ends[row];
        t->ends[row] = begin;
        begin += count;
    }
    for (int64_t k = 0; k < t->n; k++) t->order[t->ends[t->positions[k]]++] = k;
}

/* `width` elements of one row with the updates [k, end) of the order. */
static void add_updates(const task *t, char *to, const char *x, const char *updates, int64_t width,
                        int64_t k, int64_t end) {
    const dvt_scattering *const op = t->op;
    const int64_t stride = t->split.inner * (int64_t)op->size;
    float sums[DVT_SCATTER_COLUMNS], wide[DVT_SCATTER_COLUMNS];
    if (op->last_wins) k = end - 1;
    if (op->half == DVT_HALF_NONE) {
        if (!op->last_wins) dvt_scatter_load(op, to, x, width);
        for (; k < end; k++) op->row(to, updates + t->order[k] * stride, width);
        return;
    }
    dvt_scatter_load(op, sums, x, width);
    for (; k < end; k++) {
        dvt_scatter_load(op, wide, updates + t->order[k] * stride, width);
        op->row(sums, wide, width);
    }
    dvt_scatter_store(op, to, sums, width);
}

/* Rows of one column block after the other; an item is a row of one block. */
static void list_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const int64_t inner = t->split.inner, extent = t->split.extent, size = t->op->size;
    (void)worker;
    for (int64_t item = (int64_t)begin, done; item < (int64_t)end; item += done) {
        const int64_t row = item % extent, piece = item / extent;
        const int64_t outer = piece / t->column_blocks;
        const int64_t first = piece % t->column_blocks * DVT_SCATTER_COLUMNS;
        const int64_t width =
            inner - first < DVT_SCATTER_COLUMNS ? inner - first : DVT_SCATTER_COLUMNS;
        const int64_t at = ((outer * extent + row) * inner + first) * size;
        const int64_t k = row > 0 ? t->ends[row - 1] : 0;
        const int64_t left =
            extent - row < (int64_t)end - item ? extent - row : (int64_t)end - item;
        done = 1;
        if (t->ends[row] > k) {
            add_updates(t, t->to + at, t->x + at,
                        t->updates + (outer * t->n * inner + first) * size, width, k, t->ends[row]);
            continue;
        }
        /* Rows without updates stay as they are; where they are whole they go together. */
        while (done < left && t->ends[row + done] == k) done++;
        if (t->to == t->x) continue;
        if (width == inner)
            memcpy(t->to + at, t->x + at, (size_t)(done * inner * size));
        else
            for (int64_t i = 0; i < done; i++)
                memcpy(t->to + at + i * inner * size, t->x + at + i * inner * size,
                       (size_t)(width * size));
    }
}

static void direct_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const int64_t bytes = t->split.inner * (int64_t)t->op->size;
    (void)worker;
    for (int64_t outer = (int64_t)begin; outer < (int64_t)end; outer++)
        t->op->rows(t->to + outer * t->split.extent * bytes, t->updates + outer * t->n * bytes,
                    t->positions, t->n, t->split.inner);
}

static uint64_t row_picoseconds(const dvt_scattering *op, int64_t width) {
    return PICOSECONDS_PER_ROW + (uint64_t)width * op->size * PICOSECONDS_PER_BYTE;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const x = call->inputs[0], *const indices = call->inputs[1];
    const int32_t axis = (int32_t)dvt_attr_int(call->attrs, call->n_attrs, "axis", 0);
    const int64_t n = dvt_size(indices);
    task t = {.op = (const dvt_scattering *)(const void *)call->kernel,
              .x = dvt_tensor_data(x),
              .updates = dvt_tensor_data(call->inputs[2]),
              .to = dvt_tensor_data(call->outputs[0]),
              .positions = call->workspace,
              .split = dvt_split_at(x, axis),
              .n = n};
    if (dvt_size(x) == 0) return DVT_OK;
    if (!dvt_index_resolve_all(call->host, t.positions, indices, t.split.extent))
        return dvt_index_fail(t.op->name, indices, axis, t.split.extent, error);
    if (n == 0 || !needs_lists(t.op, &t.split)) {
        if (t.to != t.x) dvt_copy_view(call->host, x, call->outputs[0], t.op->size);
        if (n > 0)
            dvt_parallel(call->host, (uint64_t)t.split.outer,
                         (uint64_t)n * row_picoseconds(t.op, t.split.inner), direct_range, &t);
        return DVT_OK;
    }
    t.order = t.positions + n;
    t.ends = t.order + n;
    make_lists(&t);
    t.column_blocks = (t.split.inner + DVT_SCATTER_COLUMNS - 1) / DVT_SCATTER_COLUMNS;
    const int64_t width = t.split.inner / t.column_blocks;
    /* A row is written once, and has n / extent updates on average. */
    const uint64_t each = row_picoseconds(t.op, width) +
                          row_picoseconds(t.op, width) * (uint64_t)n / (uint64_t)t.split.extent;
    dvt_parallel(call->host, (uint64_t)(t.split.outer * t.column_blocks * t.split.extent), each,
                 list_range, &t);
    return DVT_OK;
}

dvt_status dvt_scatter_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    int32_t axis;
    dvt_status status;
    if (dvt_gather_check(op, 3, &axis, info, error, &status) == 0) return status;
    const dvt_tensor *const x = op->inputs[0];
    const dvt_scattering *const found = dvt_scattering_of(op->name, dvt_type_of(x->dtype));
    const uint64_t n = (uint64_t)dvt_size(op->inputs[1]);
    if (!found) {
        info->reason = "the CPU device scatters integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    const dvt_axis_split split = dvt_split_at(x, axis);
    const uint64_t rows = (uint64_t)split.outer * ((uint64_t)split.extent + n);
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->kernel = (dvt_kernel *)(uintptr_t)found; /* constant: nothing to free, never written */
    info->workspace_size = n * sizeof(int64_t);
    if (needs_lists(found, &split))
        info->workspace_size += (n + (uint64_t)split.extent) * sizeof(int64_t);
    info->cost_ns =
        50 + (n * PICOSECONDS_PER_INDEX + rows * row_picoseconds(found, split.inner)) / 1000;
    info->may_alias = 1;
    return DVT_OK;
}
