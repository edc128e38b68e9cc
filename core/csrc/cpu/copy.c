/* The op copy, and the copies that other kernels need. A view whose nearest axis in memory is not its
 * last one is a transposition: it goes through square tiles, so that every cache line that is
 * touched is used whole. */
#include "copy.h"

#include <string.h>

#include "parallel.h"
#include "rows.h"
#include "strided_loop.h"

/* Side of a tile, in elements: 64 rows of one cache line or more. */
#define TILE 64

typedef struct task {
    dvt_cursor from, to; /* at the beginning; each range goes on from its own place */
    uint32_t size;
    /* transposition: axis `fast` of the source is contiguous, the last one is contiguous in `to` */
    int32_t fast;
    int64_t fast_blocks, last_blocks;
} task;

/* The same view at another place. */
static void restart(dvt_cursor *cursor, const dvt_cursor *origin, int64_t position) {
    dvt_cursor_start_at(cursor, origin->at, origin->size, origin->ndim, origin->shape,
                        origin->stride, position);
}

static void copy_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    dvt_cursor from, to;
    (void)worker;
    restart(&from, &t->from, (int64_t)begin);
    restart(&to, &t->to, (int64_t)begin);
    uint64_t block[2 * 512]; /* elements of up to 16 bytes */
    for (int64_t left = (int64_t)(end - begin); left > 0;) {
        const int64_t run = dvt_cursor_run(&to), source_run = dvt_cursor_run(&from);
        int64_t n = left;
        if (run >= 64 || run >= left) {
            n = n < run ? n : run;
            dvt_cursor_read(&from, to.at, n);
            dvt_cursor_skip(&to, n);
        } else if (source_run >= 64) {
            n = n < source_run ? n : source_run;
            dvt_cursor_write(&to, from.at, n);
            dvt_cursor_skip(&from, n);
        } else {
            n = n < 512 ? n : 512;
            dvt_cursor_read(&from, block, n);
            dvt_cursor_write(&to, block, n);
        }
        left -= n;
    }
}

/* Rows that a piece of eight columns is written to before the next one: with large strides all
 * lines fall into few sets of the cache, so few of them may be in use at once. */
#define LINE 16

typedef struct wide {
    uint64_t words[2];
} wide; /* a complex number of two doubles */

#define TILE_LOOP(type)                                                                            \
    for (int64_t i0 = 0; i0 < rows; i0 += LINE) {                                                  \
        for (int64_t j0 = 0; j0 < columns; j0 += 8) {                                              \
            const int64_t i1 = i0 + LINE < rows ? i0 + LINE : rows;                                \
            const int64_t j1 = j0 + 8 < columns ? j0 + 8 : columns;                                \
            for (int64_t i = i0; i < i1; i++) {                                                    \
                type *const row = (type *)(void *)(to + i * to_stride);                            \
                const char *const column = from + i * (int64_t)sizeof(type);                       \
                for (int64_t j = j0; j < j1; j++)                                                  \
                    memcpy(&row[j], column + j * from_stride, sizeof(type));                       \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    break

void dvt_copy_tile(char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t rows,
                   int64_t columns, uint32_t size) {
    switch (size) {
    case 1:
        TILE_LOOP(uint8_t);
    case 2:
        TILE_LOOP(uint16_t);
    case 4:
        TILE_LOOP(uint32_t);
    case 8:
        TILE_LOOP(uint64_t);
    default:
        TILE_LOOP(wide);
    }
}

static void transpose_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const task *const t = context;
    const int32_t last = t->from.ndim - 1, fast = t->fast;
    const int64_t *const shape = t->from.shape;
    (void)worker;
    for (int64_t item = (int64_t)begin; item < (int64_t)end; item++) {
        int64_t rest = item;
        const int64_t column = rest % t->last_blocks * TILE;
        rest /= t->last_blocks;
        const int64_t row = rest % t->fast_blocks * TILE;
        rest /= t->fast_blocks;
        const char *from = t->from.at + row * t->from.stride[fast] + column * t->from.stride[last];
        char *to = t->to.at + row * t->to.stride[fast] + column * t->to.stride[last];
        for (int32_t i = last; i-- > 0;) {
            if (i == fast) continue;
            const int64_t at = rest % shape[i];
            rest /= shape[i];
            from += at * t->from.stride[i];
            to += at * t->to.stride[i];
        }
        dvt_copy_tile(to, t->to.stride[fast], from, t->from.stride[last],
                      shape[fast] - row < TILE ? shape[fast] - row : TILE,
                      shape[last] - column < TILE ? shape[last] - column : TILE, t->size);
    }
}

/* Both views with the axes that follow each other in both made one. */
static void start_both(task *t, const dvt_tensor *from, const dvt_tensor *to) {
    int32_t kept = 0;
    const int64_t size = t->size;
    for (int32_t i = 0; i < from->ndim; i++) {
        const int64_t extent = from->shape[i];
        const int64_t in = from->strides[i] * size, out = to->strides[i] * size;
        if (extent == 1) continue;
        if (kept > 0 && t->from.stride[kept - 1] == in * extent &&
            t->to.stride[kept - 1] == out * extent) {
            kept--;
            t->from.shape[kept] *= extent;
        } else {
            t->from.shape[kept] = extent;
        }
        t->from.stride[kept] = in;
        t->to.stride[kept] = out;
        t->to.shape[kept] = t->from.shape[kept];
        kept++;
    }
    if (kept == 0) {
        t->from.shape[0] = t->to.shape[0] = 1;
        t->from.stride[0] = t->to.stride[0] = size;
        kept = 1;
    }
    t->from.ndim = t->to.ndim = kept;
    t->from.size = t->to.size = t->size;
    t->from.at = dvt_tensor_data(from);
    t->to.at = dvt_tensor_data(to);
}

/* The axis that is contiguous in the source, when tiles over it and the last axis are worth it. */
static int32_t transposed_axis(const task *t) {
    const int32_t last = t->from.ndim - 1;
    if (t->to.stride[last] != (int64_t)t->size || t->from.stride[last] == (int64_t)t->size ||
        t->from.shape[last] < 8)
        return -1;
    for (int32_t i = 0; i < last; i++) {
        if (t->from.stride[i] == (int64_t)t->size && t->from.shape[i] >= 4) return i;
    }
    return -1;
}

void dvt_copy_view(const dvt_host *host, const dvt_tensor *from, const dvt_tensor *to,
                   uint32_t size) {
    const int64_t n = dvt_contiguous_size(from);
    const int64_t total = n >= 0 ? n : dvt_size(from);
    if (total == 0) return;
    if (n >= 0 && dvt_contiguous_size(to) == n && n * (int64_t)size <= 65536) {
        memcpy(dvt_tensor_data(to), dvt_tensor_data(from), (size_t)n * size);
        return;
    }
    task t;
    t.size = size;
    start_both(&t, from, to);
    t.fast = transposed_axis(&t);
    if (t.fast < 0) {
        const int smooth = t.from.stride[t.from.ndim - 1] == (int64_t)size;
        dvt_parallel(host, (uint64_t)total, smooth ? 60 * size : 500 + 100 * size, copy_range, &t);
        return;
    }
    const int64_t rows = t.from.shape[t.fast], columns = t.from.shape[t.from.ndim - 1];
    t.fast_blocks = (rows + TILE - 1) / TILE;
    t.last_blocks = (columns + TILE - 1) / TILE;
    const int64_t items = total / rows / columns * t.fast_blocks * t.last_blocks;
    dvt_parallel(host, (uint64_t)items, (uint64_t)(total / items + 1) * (300 + 100 * size),
                 transpose_range, &t);
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    (void)error;
    dvt_copy_view(call->host, call->inputs[0], to, dvt_type_size(dvt_type_of(to->dtype)));
    return DVT_OK;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const uint32_t size = dvt_type_size(dvt_type_of(op->outputs[0]->dtype));
    (void)error;
    if (size == 0) {
        info->reason = "the CPU device copies elements of 1, 2, 4 or 8 bytes";
        return DVT_UNSUPPORTED;
    }
    const int64_t n = dvt_size(op->outputs[0]);
    const int smooth = dvt_contiguous_size(op->inputs[0]) == n;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->cost_ns = 10 + (uint64_t)n * (smooth ? 60 * size : 500 + 100 * size) / 1000;
    return DVT_OK;
}

const dvt_kernel_def dvt_cpu_copy_rows[] = {
    {.op = "copy",
     .types = "T=" DVT_ALL_WORDS,
     .min_version = 1,
     .max_version = 1,
     .flags = DVT_KERNEL_STRIDED,
     .prepare = prepare},
};
const uint32_t dvt_cpu_copy_count = sizeof dvt_cpu_copy_rows / sizeof dvt_cpu_copy_rows[0];
