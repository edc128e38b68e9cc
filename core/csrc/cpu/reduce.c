/* Running reductions. Two ways through memory: where the nearest axis goes, each output is reduced
 * block by block ("along"); where it stays, whole rows are added into a row of outputs ("across").
 * Sums of floats meet few roundings either way: partial results are joined pairwise. How the work
 * is cut depends on shapes alone, so results do not depend on the number of threads. */
#include "reduce.h"

#include <stdio.h>
#include <string.h>

#include "half.h"
#include "parallel.h"
#include "rows.h"
#include "strided_loop.h"

/* Accumulators per piece across: with four levels of them 16 KiB of floats. */
#define COLUMNS 1024
/* Rows per level across; four levels reach 2^28 rows, and the last one goes on from there. */
#define ROWS_PER_LEVEL 128
#define LEVELS 4
/* Few outputs of many elements are cut into at most this many parts of at least that size. */
#define MAX_PARTS 64
#define PART_ELEMENTS 65536
#define FEW_TASKS 8
#define MAX_PARTED_OUTPUTS 8192

typedef struct task {
    const dvt_reduction *op;
    dvt_reduce_plan plan;
    const char *x;
    char *y;
    int across;
    int64_t column_blocks; /* across: pieces of the nearest kept axis */
    int64_t parts;         /* of the elements of an output */
    char *partial;         /* parts * outputs accumulators, when parts > 1 */
} task;

/* Finished accumulators to the output. */
static void store(const task *t, char *to, int64_t stride, void *sums, int64_t n) {
    const dvt_reduction *const op = t->op;
    if (op->mean && op->size == sizeof(float)) {
        float *const s = sums;
        for (int64_t i = 0; i < n; i++) s[i] /= (float)t->plan.each;
    } else if (op->mean) {
        double *const s = sums;
        for (int64_t i = 0; i < n; i++) s[i] /= (double)t->plan.each;
    }
    if (op->half == DVT_HALF_NONE) {
        dvt_copy_strided(to, stride, sums, op->size, n, op->size);
        return;
    }
    const float *const wide = sums;
    uint16_t narrow[64];
    for (int64_t done = 0; done < n; done += 64) {
        const int64_t part = n - done < 64 ? n - done : 64;
        dvt_half_narrow(op->half, narrow, wide + done, (size_t)part);
        dvt_copy_strided(to + done * stride, stride, (const char *)narrow, 2, part, 2);
    }
}

static void fill_start(const dvt_reduction *op, void *sums, int64_t n) {
    dvt_copy_strided(sums, op->size, op->start, 0, n, op->size);
}

/* Contiguous stored elements to one accumulator. */
static void reduce_block(const dvt_reduction *op, void *result, const void *x, size_t n) {
    if (op->half == DVT_HALF_NONE) {
        op->block(result, x, n);
        return;
    }
    float wide[DVT_REDUCE_BLOCK];
    dvt_half_widen(op->half, wide, x, n);
    op->block(result, wide, n);
}

/* Elements [begin, end) of one output, blocks joined as a binary counter joins its digits. */
static void reduce_along(const task *t, void *result, const char *x, int64_t begin, int64_t end) {
    const dvt_reduction *const op = t->op;
    const dvt_reduce_plan *const plan = &t->plan;
    int64_t shape[64], stride[64];
    for (int32_t i = 0; i < plan->n_gone; i++) {
        shape[i] = plan->gone[i].extent;
        stride[i] = plan->gone[i].in;
    }
    dvt_cursor cursor;
    /* The input is only read; cursors serve both ways. */
    dvt_cursor_start_at(&cursor, (char *)(uintptr_t)x, op->stored, plan->n_gone, shape, stride,
                        begin);
    uint64_t buffer[DVT_REDUCE_BLOCK], stack[48];
    uint64_t count = 0;
    int top = 0;
    while (begin < end) {
        int64_t n = end - begin < DVT_REDUCE_BLOCK ? end - begin : DVT_REDUCE_BLOCK;
        const int64_t run = dvt_cursor_run(&cursor);
        const void *block = buffer;
        if (run >= n) {
            block = cursor.at;
            dvt_cursor_skip(&cursor, n);
        } else {
            dvt_cursor_read(&cursor, buffer, n);
        }
        reduce_block(op, &stack[top++], block, (size_t)n);
        for (uint64_t digit = count++; digit & 1; digit >>= 1, top--)
            op->rows(&stack[top - 2], &stack[top - 1], 0, 1, 1);
        begin += n;
    }
    for (; top > 1; top--) op->rows(&stack[top - 2], &stack[top - 1], 0, 1, 1);
    memcpy(result, stack, op->size);
}

/* Where part k of `parts` begins. */
static int64_t part_begin(const task *t, int64_t k) {
    const int64_t each = (t->plan.each + t->parts - 1) / t->parts;
    const int64_t begin = k * each;
    return begin < t->plan.each ? begin : t->plan.each;
}

static void along_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const dvt_reduce_plan *const plan = &t->plan;
    const int simple = t->parts == 1 && plan->n_gone <= 1 && plan->each <= DVT_REDUCE_BLOCK &&
                       (plan->n_gone == 0 || plan->gone[0].in == (int64_t)t->op->stored);
    (void)worker;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        const int64_t output = t->parts == 1 ? item : item / t->parts;
        const int64_t part = t->parts == 1 ? 0 : item % t->parts;
        int64_t in, out;
        uint64_t sum;
        dvt_reduce_locate(plan->kept, plan->n_kept, output, &in, &out);
        if (simple) {
            reduce_block(t->op, &sum, t->x + in, (size_t)plan->each);
            store(t, t->y + out, 0, &sum, 1);
            continue;
        }
        const int64_t first = part_begin(t, part), last = part_begin(t, part + 1);
        if (first < last)
            reduce_along(t, &sum, t->x + in, first, last);
        else
            fill_start(t->op, &sum, 1);
        if (t->parts == 1)
            store(t, t->y + out, 0, &sum, 1);
        else
            memcpy(t->partial + (part * plan->outputs + output) * t->op->size, &sum, t->op->size);
    }
}

/* Rows [begin, end) of one piece of columns, into `levels[0]`. */
static void reduce_across(const task *t, char *levels[LEVELS], const char *x, int64_t n,
                          int64_t begin, int64_t end) {
    const dvt_reduction *const op = t->op;
    const dvt_reduce_plan *const plan = &t->plan;
    const dvt_reduce_axis *const near = &plan->gone[plan->n_gone - 1];
    const int64_t column_stride = plan->kept[plan->n_kept - 1].in;
    const int direct = op->half == DVT_HALF_NONE && column_stride == (int64_t)op->stored;
    int64_t count[LEVELS] = {0};
    uint64_t gathered[COLUMNS];
    float wide[COLUMNS];
    int used = 1;
    fill_start(op, levels[0], n);
    while (begin < end) {
        int64_t in, out, rows = near->extent - begin % near->extent;
        dvt_reduce_locate(plan->gone, plan->n_gone, begin, &in, &out);
        rows = rows < end - begin ? rows : end - begin;
        rows = rows < ROWS_PER_LEVEL - count[0] ? rows : ROWS_PER_LEVEL - count[0];
        if (direct) {
            op->rows(levels[0], x + in, near->in, (size_t)rows, (size_t)n);
        } else {
            for (int64_t r = 0; r < rows; r++) {
                const void *row = x + in + r * near->in;
                if (column_stride != (int64_t)op->stored) {
                    dvt_copy_strided((char *)gathered, op->stored, row, column_stride, n,
                                     op->stored);
                    row = gathered;
                }
                if (op->half != DVT_HALF_NONE) {
                    dvt_half_widen(op->half, wide, row, (size_t)n);
                    row = wide;
                }
                op->rows(levels[0], row, 0, 1, (size_t)n);
            }
        }
        begin += rows;
        count[0] += rows;
        for (int level = 0; level + 1 < LEVELS && count[level] == ROWS_PER_LEVEL; level++) {
            if (used == level + 1) {
                memcpy(levels[level + 1], levels[level], (size_t)n * op->size);
                used++;
            } else {
                op->rows(levels[level + 1], levels[level], 0, 1, (size_t)n);
            }
            fill_start(op, levels[level], n);
            count[level] = 0;
            count[level + 1]++;
        }
    }
    for (int level = 1; level < used; level++) op->rows(levels[0], levels[level], 0, 1, (size_t)n);
}

static void across_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const dvt_reduce_plan *const plan = &t->plan;
    const dvt_reduce_axis *const columns = &plan->kept[plan->n_kept - 1];
    const int64_t size = t->op->size,
                  width = COLUMNS * 4 / size < COLUMNS ? COLUMNS * 4 / size : COLUMNS;
    (void)worker;
    uint64_t room[LEVELS][COLUMNS / 2];
    char *levels[LEVELS];
    for (int i = 0; i < LEVELS; i++) levels[i] = (char *)room[i];
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        const int64_t part = item % t->parts, piece = item / t->parts;
        const int64_t outer = piece / t->column_blocks;
        const int64_t first = piece % t->column_blocks * width;
        const int64_t n = columns->extent - first < width ? columns->extent - first : width;
        int64_t in, out;
        dvt_reduce_locate(plan->kept, plan->n_kept - 1, outer, &in, &out);
        reduce_across(t, levels, t->x + in + first * columns->in, n, part_begin(t, part),
                      part_begin(t, part + 1));
        if (t->parts == 1)
            store(t, t->y + out + first * columns->out, columns->out, levels[0], n);
        else
            memcpy(t->partial + (part * plan->outputs + outer * columns->extent + first) * size,
                   levels[0], (size_t)(n * size));
    }
}

/* Partial results of all parts, pairwise into the first, and from there to the output. */
static void join_parts(const task *t) {
    const dvt_reduce_plan *const plan = &t->plan;
    const int64_t bytes = plan->outputs * t->op->size;
    for (int64_t step = 1; step < t->parts; step *= 2) {
        for (int64_t k = 0; k + step < t->parts; k += 2 * step)
            t->op->rows(t->partial + k * bytes, t->partial + (k + step) * bytes, 0, 1,
                        (size_t)plan->outputs);
    }
    for (int64_t i = 0; i < plan->outputs; i++) {
        int64_t in, out;
        dvt_reduce_locate(plan->kept, plan->n_kept, i, &in, &out);
        store(t, t->y + out, 0, t->partial + i * t->op->size, 1);
    }
}

/* The way through memory and the cuts: from shapes alone. Gives the number of items. */
static int64_t decide(task *t) {
    const dvt_reduce_plan *const plan = &t->plan;
    const int64_t size = t->op->stored;
    const int64_t width =
        COLUMNS * 4 / (int64_t)t->op->size < COLUMNS ? COLUMNS * 4 / (int64_t)t->op->size : COLUMNS;
    int64_t tasks = plan->outputs;
    t->across = plan->n_kept > 0 && plan->n_gone > 0 && plan->gone[plan->n_gone - 1].in != size &&
                plan->kept[plan->n_kept - 1].extent >= 8 && plan->kept[plan->n_kept - 1].in == size;
    t->column_blocks = 1;
    if (t->across) {
        const int64_t extent = plan->kept[plan->n_kept - 1].extent;
        t->column_blocks = (extent + width - 1) / width;
        tasks = plan->outputs / extent * t->column_blocks;
    }
    t->parts = 1;
    if (tasks < FEW_TASKS && plan->outputs <= MAX_PARTED_OUTPUTS) {
        const int64_t wanted = plan->outputs * plan->each / PART_ELEMENTS;
        t->parts = wanted < 1 ? 1 : wanted > MAX_PARTS ? MAX_PARTS : wanted;
        t->parts = t->parts < plan->each ? t->parts : 1;
    }
    return tasks * t->parts;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const x = call->inputs[0], *const y = call->outputs[0];
    task t;
    t.op = (const dvt_reduction *)(const void *)call->kernel;
    t.x = dvt_tensor_data(x);
    t.y = dvt_tensor_data(y);
    t.partial = call->workspace;
    /* The short way for the small: one block into one result, whatever the axes are called. */
    const int64_t n = dvt_contiguous_size(x);
    if (n > 0 && n <= DVT_REDUCE_BLOCK && dvt_size(y) == 1) {
        uint64_t sum;
        t.plan.each = n;
        reduce_block(t.op, &sum, t.x, (size_t)n);
        store(&t, t.y, 0, &sum, 1);
        return DVT_OK;
    }
    dvt_reduce_make_plan(&t.plan, x, y, call->attrs, call->n_attrs, t.op->stored, t.op->stored);
    if (t.plan.outputs == 0) return DVT_OK;
    if (t.plan.each == 0) {
        if (!t.op->may_be_empty) {
            char text[160];
            snprintf(text, sizeof text,
                     "%s: an axis of size 0 has no %simum; reduce over axes that have elements",
                     t.op->name, t.op->name);
            return dvt_set_error(error, DVT_INVALID_ARGUMENT, text);
        }
        for (int64_t i = 0; i < t.plan.outputs; i++) {
            int64_t in, out;
            uint64_t sum = 0;
            dvt_reduce_locate(t.plan.kept, t.plan.n_kept, i, &in, &out);
            fill_start(t.op, &sum, 1);
            store(&t, t.y + out, 0, &sum, 1); /* a mean: 0/0, not a number */
        }
        return DVT_OK;
    }
    const int64_t items = decide(&t);
    const uint64_t each =
        (uint64_t)(t.plan.outputs * t.plan.each / items + 1) * t.op->picoseconds + 10000;
    dvt_parallel(call->host, (uint64_t)items, each, t.across ? across_range : along_range, &t);
    if (t.parts > 1) join_parts(&t);
    return DVT_OK;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *const x = op->inputs[0], *const y = op->outputs[0];
    task t;
    (void)error;
    t.op = dvt_reduction_of(op->name, dvt_type_of(x->dtype));
    if (!t.op) {
        info->reason = "the CPU device has no kernel of this reduction for this type";
        return DVT_UNSUPPORTED;
    }
    dvt_reduce_make_plan(&t.plan, x, y, op->attrs, op->n_attrs, t.op->stored, t.op->stored);
    decide(&t);
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->kernel = (dvt_kernel *)(uintptr_t)t.op; /* constant: nothing to free, never written */
    if (t.parts > 1) info->workspace_size = (uint64_t)(t.parts * t.plan.outputs) * t.op->size;
    info->cost_ns = 30 + (uint64_t)t.plan.outputs * 5 +
                    (uint64_t)(t.plan.outputs * t.plan.each) * t.op->picoseconds / 1000;
    return DVT_OK;
}

#define ROW(name, words)                                                                           \
    {.op = name,                                                                                   \
     .types = "T=" words,                                                                          \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = DVT_KERNEL_STRIDED,                                                                  \
     .prepare = prepare}

const dvt_kernel_def dvt_cpu_reduce_rows[] = {
    ROW("sum", DVT_NUMBER_WORDS), ROW("prod", DVT_NUMBER_WORDS),
    ROW("max", DVT_NUMBER_WORDS), ROW("min", DVT_NUMBER_WORDS),
    ROW("any", "bool"),           ROW("all", "bool"),
    ROW("mean", DVT_FLOAT_WORDS),
};
const uint32_t dvt_cpu_reduce_count = sizeof dvt_cpu_reduce_rows / sizeof dvt_cpu_reduce_rows[0];
