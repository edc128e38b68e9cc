/* The ops scatter and scatter_add: whole slices at positions of one axis. The result is cut into
 * pieces by what is before the axis, by columns behind it, and by ranges along it; the thread that has
 * a piece goes over all indices and takes those that lead into it. */
#include "scatter.h"

#include "gather_index.h"
#include "parallel.h"

#define PICOSECONDS_PER_INDEX 1500
#define PICOSECONDS_PER_UPDATE_BYTE 120
#define PICOSECONDS_PER_BYTE 100

typedef struct task {
    const dvt_scattering *op;
    const char *x, *updates;
    char *to, *sums; /* the same unless 16-bit floats are added */
    const int64_t *positions;
    dvt_axis_split split;
    int64_t n; /* of the indices */
    int64_t column_blocks, ranges;
} task;

/* The workspace: all positions, and behind them the sums of 16-bit floats. */
static uint64_t position_bytes(int64_t n) {
    return ((uint64_t)n * sizeof(int64_t) + 63) & ~63ull;
}

/* All updates of one piece whose rows in the result are [low, high). */
static void add_updates(const task *t, char *to, int64_t outer, int64_t first, int64_t width,
                        int64_t low, int64_t high) {
    const dvt_scattering *const op = t->op;
    const int64_t inner = t->split.inner, size = op->size;
    const char *const updates = t->updates + (outer * t->n * inner + first) * size;
    if (op->half == DVT_HALF_NONE) {
        op->rows(to, inner, updates, inner, t->positions, t->n, width, low, high);
        return;
    }
    float wide[DVT_SCATTER_COLUMNS];
    /* Updates that are narrower than a block follow each other, as `width` is all of `inner`. */
    const int64_t at_once =
        DVT_SCATTER_COLUMNS / width > 0 && width == inner ? DVT_SCATTER_COLUMNS / width : 1;
    for (int64_t k = 0; k < t->n; k += at_once) {
        const int64_t n = t->n - k < at_once ? t->n - k : at_once;
        if (n == 1 && (t->positions[k] < low || t->positions[k] >= high)) continue;
        dvt_scatter_load(op, wide, updates + k * inner * size, n * width);
        op->rows(to, inner, wide, width, t->positions + k, n, width, low, high);
    }
}

static void scatter_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const dvt_scattering *const op = t->op;
    const int64_t inner = t->split.inner, extent = t->split.extent;
    (void)worker;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        const int64_t range = item % t->ranges, piece = item / t->ranges;
        const int64_t outer = piece / t->column_blocks;
        const int64_t first = piece % t->column_blocks * DVT_SCATTER_COLUMNS;
        const int64_t width =
            inner - first < DVT_SCATTER_COLUMNS ? inner - first : DVT_SCATTER_COLUMNS;
        const int64_t each = extent / t->ranges, more = extent % t->ranges;
        const int64_t low = range * each + (range < more ? range : more);
        const int64_t high = low + each + (range < more);
        /* Whole rows are one run, columns of them one run per row. */
        const int64_t runs = width == inner ? 1 : high - low;
        const int64_t run = width == inner ? (high - low) * inner : width;
        const int64_t plane = outer * extent * inner + first, corner = plane + low * inner;
        for (int64_t i = 0; i < runs; i++)
            dvt_scatter_load(op, t->sums + (corner + i * inner) * op->sum_size,
                             t->x + (corner + i * inner) * op->size, run);
        if (t->n > 0)
            add_updates(t, t->sums + plane * op->sum_size, outer, first, width, low, high);
        if (t->sums == t->to) continue;
        for (int64_t i = 0; i < runs; i++)
            dvt_scatter_store(op, t->to + (corner + i * inner) * op->size,
                              t->sums + (corner + i * inner) * op->sum_size, run);
    }
}

static uint64_t picoseconds(const dvt_scattering *op, const dvt_axis_split *split, int64_t n) {
    const uint64_t rows = (uint64_t)(split->outer * n), inner = (uint64_t)split->inner;
    return rows * (PICOSECONDS_PER_INDEX + inner * op->size * PICOSECONDS_PER_UPDATE_BYTE) +
           (uint64_t)(split->outer * split->extent) * inner * op->size * PICOSECONDS_PER_BYTE;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const x = call->inputs[0], *const indices = call->inputs[1];
    const int32_t axis = (int32_t)dvt_attr_int(call->attrs, call->n_attrs, "axis", 0);
    const int64_t n = dvt_size(indices);
    int64_t *const positions = call->workspace;
    task t = {.op = (const dvt_scattering *)(const void *)call->kernel,
              .x = dvt_tensor_data(x),
              .updates = dvt_tensor_data(call->inputs[2]),
              .to = dvt_tensor_data(call->outputs[0]),
              .positions = positions,
              .split = dvt_split_at(x, axis),
              .n = n};
    if (dvt_size(x) == 0) return DVT_OK;
    if (!dvt_index_resolve_all(call->host, positions, indices, t.split.extent))
        return dvt_index_fail(t.op->name, indices, axis, t.split.extent, error);
    t.sums = t.op->half == DVT_HALF_NONE ? t.to : (char *)call->workspace + position_bytes(n);
    t.column_blocks = (t.split.inner + DVT_SCATTER_COLUMNS - 1) / DVT_SCATTER_COLUMNS;
    const int64_t pieces = t.split.outer * t.column_blocks, threads = call->host->n_threads;
    const uint64_t total = picoseconds(t.op, &t.split, n);
    /* Each range goes over all indices again: no more of them than threads need. */
    t.ranges = total > 2 * DVT_PIECE_PICOSECONDS ? (threads + pieces - 1) / pieces : 1;
    t.ranges = t.ranges < 1 ? 1 : t.ranges < t.split.extent ? t.ranges : t.split.extent;
    const int64_t items = pieces * t.ranges;
    dvt_parallel(call->host, (uint64_t)items, total / (uint64_t)items + 1, scatter_range, &t);
    return DVT_OK;
}

dvt_status dvt_scatter_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    int32_t axis;
    dvt_status status;
    if (dvt_gather_check(op, 3, &axis, info, error, &status) == 0) return status;
    const dvt_tensor *const x = op->inputs[0];
    const dvt_scattering *const found = dvt_scattering_of(op->name, dvt_type_of(x->dtype));
    const int64_t n = dvt_size(op->inputs[1]);
    if (!found) {
        info->reason = "the CPU device adds integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    const dvt_axis_split split = dvt_split_at(x, axis);
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->kernel = (dvt_kernel *)(uintptr_t)found; /* constant: nothing to free, never written */
    info->workspace_size = position_bytes(n);
    if (found->half != DVT_HALF_NONE) info->workspace_size += (uint64_t)dvt_size(x) * sizeof(float);
    info->cost_ns = 50 + picoseconds(found, &split, n) / 1000;
    info->may_alias = 1;
    return DVT_OK;
}
