/* The op scatter_add_along_axis: single elements added along one axis, each line with positions of
 * its own. The result is cut into pieces by what is before the axis and by columns behind it. */
#include "scatter.h"

#include "gather_index.h"
#include "parallel.h"

#define PICOSECONDS_PER_UPDATE 2500
#define PICOSECONDS_PER_BYTE 100
/* Sums of 16-bit floats that need no workspace: everything at one position before the axis. */
#define FEW_SUMS 4096

typedef struct task {
    const dvt_scattering *op;
    const char *x, *updates;
    const void *indices;
    char *to,
        *sums; /* the same unless 16-bit floats are added; null: sums have room on the stack */
    uint32_t index_size;
    dvt_axis_split split;
    int64_t along; /* extent of the indices along the axis */
    int64_t column_blocks;
} task;

/* n updates from element `at` of them on; the first one's column, below `width`, is `column`. */
static void add_updates(const task *t, char *to, int64_t at, int64_t n, int64_t column,
                        int64_t width) {
    const dvt_scattering *const op = t->op;
    int64_t positions[DVT_INDEX_BLOCK];
    float wide[DVT_INDEX_BLOCK];
    for (int64_t done = 0, part; done < n; done += part) {
        part = n - done < DVT_INDEX_BLOCK ? n - done : DVT_INDEX_BLOCK;
        const void *updates = t->updates + (at + done) * op->size;
        dvt_index_resolve(positions, t->indices, t->index_size, at + done, part, t->split.extent);
        if (op->half != DVT_HALF_NONE) {
            dvt_scatter_load(op, wide, updates, part);
            updates = wide;
        }
        op->along(to, t->split.inner, updates, positions, part, (column + done) % width, width);
    }
}

static void scatter_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const dvt_scattering *const op = t->op;
    const int64_t inner = t->split.inner, extent = t->split.extent;
    float few[FEW_SUMS];
    (void)worker;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        const int64_t outer = item / t->column_blocks;
        const int64_t first = item % t->column_blocks * DVT_SCATTER_COLUMNS;
        const int64_t width =
            inner - first < DVT_SCATTER_COLUMNS ? inner - first : DVT_SCATTER_COLUMNS;
        const int64_t plane = outer * extent * inner + first;
        const int64_t update = outer * t->along * inner + first;
        /* Whole rows are one run, columns of them one run per row. */
        const int whole = width == inner;
        const int64_t runs = whole ? 1 : extent, run = whole ? extent * inner : width;
        char *const to = t->sums ? t->sums + plane * op->sum_size : (char *)few;
        for (int64_t i = 0; i < runs; i++)
            dvt_scatter_load(op, to + i * inner * op->sum_size,
                             t->x + (plane + i * inner) * op->size, run);
        for (int64_t i = 0; i < (whole ? 1 : t->along); i++)
            add_updates(t, to, update + i * inner, whole ? t->along * inner : width, 0, width);
        if (t->sums == t->to) continue;
        for (int64_t i = 0; i < runs; i++)
            dvt_scatter_store(op, t->to + (plane + i * inner) * op->size,
                              to + i * inner * op->sum_size, run);
    }
}

static uint64_t workspace_size(const dvt_scattering *op, const dvt_axis_split *split) {
    if (op->half == DVT_HALF_NONE ||
        (split->inner <= DVT_SCATTER_COLUMNS && split->extent <= FEW_SUMS / split->inner))
        return 0;
    return (uint64_t)(split->outer * split->extent * split->inner) * sizeof(float);
}

static uint64_t picoseconds(const dvt_scattering *op, const dvt_tensor *x,
                            const dvt_tensor *indices) {
    return (uint64_t)dvt_size(indices) * PICOSECONDS_PER_UPDATE +
           (uint64_t)dvt_size(x) * op->size * PICOSECONDS_PER_BYTE;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const x = call->inputs[0], *const indices = call->inputs[1];
    const int32_t axis = (int32_t)dvt_attr_int(call->attrs, call->n_attrs, "axis", 0);
    task t = {.op = (const dvt_scattering *)(const void *)call->kernel,
              .x = dvt_tensor_data(x),
              .updates = dvt_tensor_data(call->inputs[2]),
              .indices = dvt_tensor_data(indices),
              .to = dvt_tensor_data(call->outputs[0]),
              .index_size = dvt_type_size(dvt_type_of(indices->dtype)),
              .split = dvt_split_at(x, axis),
              .along = indices->shape[axis]};
    if (dvt_size(x) == 0) return DVT_OK;
    if (!dvt_index_resolve_all(call->host, NULL, indices, t.split.extent))
        return dvt_index_fail(t.op->name, indices, axis, t.split.extent, error);
    if (t.op->half == DVT_HALF_NONE)
        t.sums = t.to;
    else if (workspace_size(t.op, &t.split) > 0)
        t.sums = call->workspace;
    t.column_blocks = (t.split.inner + DVT_SCATTER_COLUMNS - 1) / DVT_SCATTER_COLUMNS;
    const uint64_t items = (uint64_t)(t.split.outer * t.column_blocks);
    dvt_parallel(call->host, items, picoseconds(t.op, x, indices) / items + 1, scatter_range, &t);
    return DVT_OK;
}

dvt_status dvt_scatter_along_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    int32_t axis;
    dvt_status status;
    if (dvt_gather_check(op, 3, &axis, info, error, &status) == 0) return status;
    const dvt_tensor *const x = op->inputs[0];
    const dvt_scattering *const found = dvt_scattering_of(op->name, dvt_type_of(x->dtype));
    if (!found) {
        info->reason = "the CPU device adds integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->kernel = (dvt_kernel *)(uintptr_t)found; /* constant: nothing to free, never written */
    if (dvt_size(x) > 0) {
        const dvt_axis_split split = dvt_split_at(x, axis);
        info->workspace_size = workspace_size(found, &split);
    }
    info->cost_ns = 40 + picoseconds(found, x, op->inputs[1]) / 1000;
    info->may_alias = 1;
    return DVT_OK;
}
