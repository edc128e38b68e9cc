/* argmax and argmin: the first place of the largest or smallest element; a NaN counts as beyond all.
 * Along a line, blocks are reduced as by max and min, and only a block that beats all before it is
 * searched. Lines along an outer axis go side by side, with the place in a vector beside the value. */
#include <stdio.h>
#include <string.h>

#include "compiler.h"
#include "half.h"
#include "parallel.h"
#include "reduce.h"
#include "rows.h"
#include "strided_loop.h"

#define COLUMNS 256
#define MAX_PARTS 64
#define PART_ELEMENTS 65536

/* What max and min lack, per op and type. */
typedef struct searcher {
    const char *op, *reduction;
    /* *a comes before *b in the order asked for, or is the first NaN */
    int (*beats)(const void *a, const void *b);
    /* the first i with x[i] == *value, both NaN included; n when there is none */
    size_t (*find)(const void *x, size_t n, const void *value);
    /* best[j], place[j] = row[j], r where row[j] beats best[j] */
    void (*rows)(void *best, int32_t *place, const void *row, int32_t r, size_t n);
} searcher;

/* Sixty-four at a time with marks as wide as the elements, which the compiler makes vectors of; then
 * one by one within the sixty-four. */
#define SEARCH(end, type, mark)                                                                    \
    static size_t find_##end(const void *data, size_t n, const void *value) {                      \
        const type *const x = data;                                                                \
        type wanted;                                                                               \
        memcpy(&wanted, value, sizeof wanted);                                                     \
        const int number = wanted == wanted;                                                       \
        size_t i = 0;                                                                              \
        for (; i + 64 <= n; i += 64) {                                                             \
            mark any = 0;                                                                          \
            if (number) {                                                                          \
                for (size_t k = 0; k < 64; k++) any |= x[i + k] == wanted ? (mark)1 : (mark)0;     \
            } else {                                                                               \
                for (size_t k = 0; k < 64; k++) any |= x[i + k] != x[i + k] ? (mark)1 : (mark)0;   \
            }                                                                                      \
            if (any) break;                                                                        \
        }                                                                                          \
        while (i < n && !(number ? x[i] == wanted : x[i] != x[i])) i++;                            \
        return i;                                                                                  \
    }
#define ORDER(op, end, type, sign)                                                                 \
    static int beats_##op##_##end(const void *p, const void *q) {                                  \
        type a, b;                                                                                 \
        memcpy(&a, p, sizeof a);                                                                   \
        memcpy(&b, q, sizeof b);                                                                   \
        return a sign b || (a != a && b == b);                                                     \
    }                                                                                              \
    static void rows_##op##_##end(void *best, int32_t *place, const void *row, int32_t r,          \
                                  size_t n) {                                                      \
        type *const to = best;                                                                     \
        const type *const x = row;                                                                 \
        DVT_INDEPENDENT for (size_t j = 0; j < n; j++) {                                           \
            const type a = x[j], b = to[j];                                                        \
            const int32_t at = place[j];                                                           \
            const int take = (a sign b) | ((a != a) & (b == b));                                   \
            to[j] = take ? a : b;                                                                  \
            place[j] = take ? r : at;                                                              \
        }                                                                                          \
    }
#define TYPE(end, END, type) SEARCH(end, type, type) ORDERS(end, type)
#define ORDERS(end, type) ORDER(max, end, type, >) ORDER(min, end, type, <)
DVT_INTEGER_TYPES(TYPE)
SEARCH(f32, float, uint32_t)
SEARCH(f64, double, uint64_t)
ORDERS(f32, float)
ORDERS(f64, double)

#define ENTRY(end, END, op) {"arg" #op, #op, beats_##op##_##end, find_##end, rows_##op##_##end}
#define BOTH(end, END, type) [DVT_TYPE_##END] = {ENTRY(end, END, max), ENTRY(end, END, min)},
static const searcher searchers[DVT_N_TYPES][2] = {
    DVT_INTEGER_TYPES(BOTH) DVT_REAL_TYPES(BOTH)
        /* 16-bit floats are searched as float32 */
        [DVT_TYPE_F16] = {ENTRY(f32, F32, max), ENTRY(f32, F32, min)},
    [DVT_TYPE_BF16] = {ENTRY(f32, F32, max), ENTRY(f32, F32, min)},
};

/* The best of a part of a line. */
typedef struct found {
    uint64_t value; /* the element's bytes */
    int64_t place;
} found;

typedef struct task {
    const searcher *searcher;
    const dvt_reduction *reduction;
    dvt_half half;
    uint32_t stored;
    const char *x;
    char *y;
    dvt_reduce_axis kept[64];
    int32_t n_kept, n_gone;
    int64_t shape[64], stride[64]; /* the line's axes, in row-major order */
    int64_t outputs, each, parts;
    int across;
    found *partial;
} task;

static void along(const task *t, const char *x, int64_t begin, int64_t end, found *best) {
    dvt_cursor cursor;
    uint64_t gathered[DVT_REDUCE_BLOCK], value;
    float wide[DVT_REDUCE_BLOCK];
    dvt_cursor_start_at(&cursor, (char *)(uintptr_t)x, t->stored, t->n_gone, t->shape, t->stride,
                        begin);
    best->place = -1;
    while (begin < end) {
        const int64_t n = end - begin < DVT_REDUCE_BLOCK ? end - begin : DVT_REDUCE_BLOCK;
        const void *block = gathered;
        if (dvt_cursor_run(&cursor) >= n) {
            block = cursor.at;
            dvt_cursor_skip(&cursor, n);
        } else {
            dvt_cursor_read(&cursor, gathered, n);
        }
        if (t->half != DVT_HALF_NONE) {
            dvt_half_widen(t->half, wide, block, (size_t)n);
            block = wide;
        }
        t->reduction->block(&value, block, (size_t)n);
        if (best->place < 0 || t->searcher->beats(&value, &best->value)) {
            best->place = begin + (int64_t)t->searcher->find(block, (size_t)n, &value);
            best->value = value;
        }
        begin += n;
    }
}

static int64_t part_begin(const task *t, int64_t part) {
    return t->each / t->parts * part + (part < t->each % t->parts ? part : t->each % t->parts);
}

static void along_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    (void)worker;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        const int64_t output = item / t->parts, part = item % t->parts;
        int64_t in, out;
        found best = {0, 0};
        dvt_reduce_locate(t->kept, t->n_kept, output, &in, &out);
        along(t, t->x + in, part_begin(t, part), part_begin(t, part + 1), &best);
        if (t->parts == 1)
            memcpy(t->y + out, &best.place, sizeof best.place);
        else
            t->partial[item] = best;
    }
}

static void join_parts(const task *t) {
    for (int64_t output = 0; output < t->outputs; output++) {
        const found *const parts = t->partial + output * t->parts;
        int64_t in, out;
        found best = parts[0];
        for (int64_t k = 1; k < t->parts; k++) {
            if (t->searcher->beats(&parts[k].value, &best.value)) best = parts[k];
        }
        dvt_reduce_locate(t->kept, t->n_kept, output, &in, &out);
        memcpy(t->y + out, &best.place, sizeof best.place);
    }
}

static void across_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const dvt_reduce_axis *const columns = &t->kept[t->n_kept - 1];
    const int64_t pieces = (columns->extent + COLUMNS - 1) / COLUMNS;
    (void)worker;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        const int64_t first = item % pieces * COLUMNS;
        const int64_t left = columns->extent - first;
        const size_t n = (size_t)(left < COLUMNS ? left : COLUMNS);
        uint64_t best[COLUMNS];
        float wide[COLUMNS];
        int32_t place[COLUMNS] = {0};
        int64_t in, out;
        dvt_reduce_locate(t->kept, t->n_kept - 1, item / pieces, &in, &out);
        const char *const x = t->x + in + first * columns->in;
        for (int64_t r = 0; r < t->each; r++) {
            const void *row = x + r * t->stride[0];
            if (t->half != DVT_HALF_NONE) {
                dvt_half_widen(t->half, wide, row, n);
                row = wide;
            }
            if (r == 0)
                memcpy(best, row, n * t->reduction->size);
            else
                t->searcher->rows(best, place, row, (int32_t)r, n);
        }
        char *const to = t->y + out + first * columns->out;
        for (size_t j = 0; j < n; j++) {
            const int64_t at = place[j];
            memcpy(to + (int64_t)j * columns->out, &at, sizeof at);
        }
    }
}

/* Read the axes and decide how to walk; false for types without a searcher. */
static int plan(task *t, const char *op, const dvt_tensor *x, const dvt_tensor *y,
                const dvt_attr *attrs, uint32_t n_attrs) {
    const dvt_type type = dvt_type_of(x->dtype);
    if (type == DVT_N_TYPES || !searchers[type][0].op) return 0;
    t->searcher = &searchers[type][strcmp(op, "argmin") == 0];
    t->half = dvt_half_of(type);
    t->stored = dvt_type_size(type);
    t->reduction =
        dvt_reduction_of(t->searcher->reduction, t->half == DVT_HALF_NONE ? type : DVT_TYPE_F32);
    t->x = dvt_tensor_data(x);
    t->y = dvt_tensor_data(y);
    const uint64_t gone = dvt_reduce_axes(attrs, n_attrs);
    const int keepdims = y->ndim == x->ndim;
    int32_t out_axis = 0;
    t->n_kept = t->n_gone = 0;
    t->outputs = t->each = 1;
    for (int32_t i = 0; i < x->ndim; i++) {
        const int64_t in = x->strides[i] * (int64_t)t->stored;
        if (gone >> i & 1) {
            t->shape[t->n_gone] = x->shape[i];
            t->stride[t->n_gone++] = in;
            t->each *= x->shape[i];
            out_axis += keepdims;
        } else {
            t->kept[t->n_kept++] = (dvt_reduce_axis){
                x->shape[i], in, y->strides[out_axis++] * (int64_t)sizeof(int64_t)};
            t->outputs *= x->shape[i];
        }
    }
    t->across = t->n_gone == 1 && t->n_kept > 0 && t->stride[0] != (int64_t)t->stored &&
                t->kept[t->n_kept - 1].in == (int64_t)t->stored &&
                t->kept[t->n_kept - 1].extent >= 8 && t->each < INT32_MAX;
    t->parts = 1;
    if (!t->across && t->outputs < 8) {
        const int64_t wanted = t->each / PART_ELEMENTS;
        t->parts = wanted < 1 ? 1 : wanted > MAX_PARTS ? MAX_PARTS : wanted;
    }
    return 1;
}

static dvt_status run_op(const char *op, const dvt_call *call, dvt_error *error) {
    task t;
    if (!plan(&t, op, call->inputs[0], call->outputs[0], call->attrs, call->n_attrs))
        return dvt_set_error(error, DVT_INTERNAL, "argmax and argmin: run was not prepared");
    if (t.outputs == 0) return DVT_OK;
    if (t.each == 0) {
        char text[160];
        snprintf(text, sizeof text,
                 "%s: an axis of size 0 has no %simum; search along axes that have elements", op,
                 t.searcher->reduction);
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, text);
    }
    t.partial = call->workspace;
    int64_t items = t.outputs * t.parts;
    if (t.across) {
        const int64_t extent = t.kept[t.n_kept - 1].extent;
        items = t.outputs / extent * ((extent + COLUMNS - 1) / COLUMNS);
    }
    const uint64_t each = (uint64_t)(t.outputs * t.each / items + 1) * 150 + 30000;
    dvt_parallel(call->host, (uint64_t)items, each, t.across ? across_range : along_range, &t);
    if (t.parts > 1) join_parts(&t);
    return DVT_OK;
}

static dvt_status run_argmax(const dvt_call *call, dvt_error *error) {
    return run_op("argmax", call, error);
}

static dvt_status run_argmin(const dvt_call *call, dvt_error *error) {
    return run_op("argmin", call, error);
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    task t;
    (void)error;
    if (!plan(&t, op->name, op->inputs[0], op->outputs[0], op->attrs, op->n_attrs)) {
        info->reason = "the CPU device searches integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    info->flags = DVT_INFO_DETERMINISTIC;
    if (t.parts > 1) info->workspace_size = (uint64_t)(t.outputs * t.parts) * sizeof(found);
    info->cost_ns = 40 + (uint64_t)t.outputs * 20 + (uint64_t)(t.outputs * t.each) * 150 / 1000;
    return DVT_OK;
}

#define ROW(name, function)                                                                        \
    {.op = name,                                                                                   \
     .types = "T=" DVT_NUMBER_WORDS,                                                               \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = DVT_KERNEL_STRIDED,                                                                  \
     .run = function,                                                                              \
     .prepare = prepare}

const dvt_kernel_def dvt_cpu_argreduce_rows[] = {
    ROW("argmax", run_argmax),
    ROW("argmin", run_argmin),
};
const uint32_t dvt_cpu_argreduce_count =
    sizeof dvt_cpu_argreduce_rows / sizeof dvt_cpu_argreduce_rows[0];
