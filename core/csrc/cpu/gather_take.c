/* The op take: whole slices at positions of one axis, from and to any strides. */
#include "gather.h"

#include <stdatomic.h>
#include <string.h>

#include "copy.h"
#include "element.h"
#include "gather_index.h"
#include "parallel.h"
#include "strided_loop.h"

#define PICOSECONDS_PER_ROW 1500
#define PICOSECONDS_PER_BYTE 80
/* A row behind the axis that is worth more than one thread. */
#define LARGE_ROW (256 * 1024)
/* How many rows ahead the first line of a row is asked for. */
#define AHEAD 6

typedef struct taking taking;

/* Rows that lie whole in memory: those at n positions of an axis, one behind the other. */
typedef void (*rows_fn)(const taking *t, char *to, const char *from, const int64_t *positions,
                        int64_t n);

struct taking {
    const dvt_tensor *x, *indices, *to;
    int32_t axis;
    uint32_t size, index_size;
    dvt_axis_split split;
    int64_t n; /* of the indices */
    int64_t axis_stride, row_bytes;
    rows_fn rows;                 /* null: rows have gaps, here or there */
    int64_t few[DVT_INDEX_BLOCK]; /* all positions, when there are no more than these */
    int indices_follow;           /* each other in memory */
    atomic_int wrong;
};

#define SMALL_ROWS(bytes)                                                                          \
    static void rows_##bytes(const taking *t, char *to, const char *from,                          \
                             const int64_t *positions, int64_t n) {                                \
        const int64_t stride = t->axis_stride;                                                     \
        for (int64_t i = 0; i < n; i++)                                                            \
            memcpy(to + (bytes) * i, from + positions[i] * stride, bytes);                         \
    }

SMALL_ROWS(1)
SMALL_ROWS(2)
SMALL_ROWS(4)
SMALL_ROWS(8)
SMALL_ROWS(16)
SMALL_ROWS(32)

static void rows_any(const taking *t, char *to, const char *from, const int64_t *positions,
                     int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        if (i + AHEAD < n) {
            const char *const next = from + positions[i + AHEAD] * t->axis_stride;
            __builtin_prefetch(next);
            __builtin_prefetch(next + 64);
        }
        memcpy(to + i * t->row_bytes, from + positions[i] * t->axis_stride, (size_t)t->row_bytes);
    }
}

static rows_fn find_rows(int64_t bytes) {
    switch (bytes) {
    case 1:
        return rows_1;
    case 2:
        return rows_2;
    case 4:
        return rows_4;
    case 8:
        return rows_8;
    case 16:
        return rows_16;
    case 32:
        return rows_32;
    default:
        return rows_any;
    }
}

/* Bytes from the start of a view to position `index` of its axes [first, first + n). */
static int64_t offset_of(const dvt_tensor *t, int32_t first, int32_t n, int64_t index,
                         uint32_t size) {
    int64_t offset = 0;
    for (int32_t i = first + n; i-- > first;) {
        offset += index % t->shape[i] * t->strides[i];
        index /= t->shape[i];
    }
    return offset * (int64_t)size;
}

/* Positions [j, j + n) of the indices. */
static const int64_t *positions_of(taking *t, int64_t *block, int64_t j, int64_t n) {
    int64_t raw[DVT_INDEX_BLOCK];
    int right;
    if (t->n <= DVT_INDEX_BLOCK) return t->few + j;
    if (t->indices_follow) {
        right = dvt_index_resolve(block, dvt_tensor_data(t->indices), t->index_size, j, n,
                                  t->split.extent);
    } else {
        dvt_cursor cursor;
        dvt_cursor_start(&cursor, t->indices, t->index_size, j);
        dvt_cursor_read(&cursor, raw, n);
        right = dvt_index_resolve(block, raw, t->index_size, 0, n, t->split.extent);
    }
    if (!right) atomic_store_explicit(&t->wrong, 1, memory_order_relaxed);
    return block;
}

/* One row between views of which at least one has gaps; axes are those behind the taken one. */
static void copy_row(const taking *t, char *to, char *from, int32_t to_axis) {
    int64_t in[DVT_MAX_NDIM], out[DVT_MAX_NDIM];
    const int64_t *const shape = t->x->shape + t->axis + 1;
    const int32_t ndim = t->x->ndim - t->axis - 1;
    dvt_cursor reader, writer;
    uint64_t block[64];
    for (int32_t i = 0; i < ndim; i++) {
        in[i] = t->x->strides[t->axis + 1 + i] * (int64_t)t->size;
        out[i] = t->to->strides[to_axis + i] * (int64_t)t->size;
    }
    dvt_cursor_start_at(&reader, from, t->size, ndim, shape, in, 0);
    dvt_cursor_start_at(&writer, to, t->size, ndim, shape, out, 0);
    for (int64_t done = 0; done < t->split.inner; done += 64) {
        const int64_t n = t->split.inner - done < 64 ? t->split.inner - done : 64;
        dvt_cursor_read(&reader, block, n);
        dvt_cursor_write(&writer, block, n);
    }
}

static void take_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    taking *const t = context;
    const int32_t index_ndim = t->indices->ndim;
    int64_t outer = (int64_t)begin / t->n, j = (int64_t)begin % t->n;
    int64_t block[DVT_INDEX_BLOCK];
    char *const to = dvt_tensor_data(t->to);
    (void)worker;
    for (int64_t row = (int64_t)begin, n; row < (int64_t)end; row += n, j += n) {
        if (j == t->n) {
            j = 0;
            outer++;
        }
        n = t->n - j < (int64_t)end - row ? t->n - j : (int64_t)end - row;
        n = n < DVT_INDEX_BLOCK ? n : DVT_INDEX_BLOCK;
        const int64_t *const positions = positions_of(t, block, j, n);
        char *const from =
            (char *)dvt_tensor_data(t->x) + offset_of(t->x, 0, t->axis, outer, t->size);
        if (t->rows) {
            t->rows(t, to + row * t->row_bytes, from, positions, n);
            continue;
        }
        for (int64_t i = 0; i < n; i++)
            copy_row(t,
                     to + offset_of(t->to, 0, t->axis, outer, t->size) +
                         offset_of(t->to, t->axis, index_ndim, j + i, t->size),
                     from + positions[i] * t->axis_stride, t->axis + index_ndim);
    }
}

/* One index after the other, each a copy of everything at its position. */
static void take_slices(const dvt_host *host, taking *t) {
    const int32_t ndim = t->x->ndim - 1, index_ndim = t->indices->ndim;
    int64_t shape[DVT_MAX_NDIM], in[DVT_MAX_NDIM], out[DVT_MAX_NDIM];
    int64_t block[DVT_INDEX_BLOCK];
    dvt_tensor from = *t->x, to = *t->to;
    for (int32_t i = 0; i < ndim; i++) {
        const int32_t in_axis = i < t->axis ? i : i + 1;
        shape[i] = t->x->shape[in_axis];
        in[i] = t->x->strides[in_axis];
        out[i] = t->to->strides[i < t->axis ? i : i + index_ndim];
    }
    from.ndim = to.ndim = ndim;
    from.shape = to.shape = shape;
    from.strides = in;
    to.strides = out;
    for (int64_t j = 0; j < t->n; j += DVT_INDEX_BLOCK) {
        const int64_t n = t->n - j < DVT_INDEX_BLOCK ? t->n - j : DVT_INDEX_BLOCK;
        const int64_t *const positions = positions_of(t, block, j, n);
        for (int64_t i = 0; i < n; i++) {
            from.data = (char *)dvt_tensor_data(t->x) + positions[i] * t->axis_stride;
            to.data = (char *)dvt_tensor_data(t->to) +
                      offset_of(t->to, t->axis, index_ndim, j + i, t->size);
            from.byte_offset = to.byte_offset = 0;
            dvt_copy_view(host, &from, &to, t->size);
        }
    }
}

/* True when the elements behind the axis follow each other. */
static int rows_are_whole(const dvt_tensor *x, int32_t axis) {
    dvt_tensor behind = *x;
    behind.ndim = x->ndim - axis - 1;
    behind.shape = x->shape + axis + 1;
    behind.strides = x->strides + axis + 1;
    return dvt_contiguous_size(&behind) >= 0;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    taking t;
    t.x = call->inputs[0];
    t.indices = call->inputs[1];
    t.to = call->outputs[0];
    t.axis = (int32_t)dvt_attr_int(call->attrs, call->n_attrs, "axis", 0);
    t.split = dvt_split_at(t.x, t.axis);
    t.n = dvt_size(t.indices);
    t.size = dvt_type_size(dvt_type_of(t.x->dtype));
    t.index_size = dvt_type_size(dvt_type_of(t.indices->dtype));
    t.axis_stride = t.x->strides[t.axis] * (int64_t)t.size;
    t.row_bytes = t.split.inner * (int64_t)t.size;
    t.indices_follow = dvt_contiguous_size(t.indices) >= 0;
    t.rows = rows_are_whole(t.x, t.axis) && dvt_contiguous_size(t.to) >= 0 ? find_rows(t.row_bytes)
                                                                           : NULL;
    atomic_init(&t.wrong, 0);
    if (t.n == 0 || t.split.outer == 0 || t.split.inner == 0) return DVT_OK;
    if (t.split.extent == 0) return dvt_index_fail("take", t.indices, t.axis, 0, error);
    if (t.n <= DVT_INDEX_BLOCK) {
        int64_t raw[DVT_INDEX_BLOCK];
        dvt_cursor cursor;
        dvt_cursor_start(&cursor, t.indices, t.index_size, 0);
        dvt_cursor_read(&cursor, raw, t.n);
        if (!dvt_index_resolve(t.few, raw, t.index_size, 0, t.n, t.split.extent))
            return dvt_index_fail("take", t.indices, t.axis, t.split.extent, error);
    }
    if (t.row_bytes >= LARGE_ROW || (t.n == 1 && t.split.outer > 1))
        take_slices(call->host, &t);
    else
        dvt_parallel(call->host, (uint64_t)(t.split.outer * t.n),
                     PICOSECONDS_PER_ROW + PICOSECONDS_PER_BYTE * (uint64_t)t.row_bytes, take_range,
                     &t);
    if (atomic_load_explicit(&t.wrong, memory_order_relaxed))
        return dvt_index_fail("take", t.indices, t.axis, t.split.extent, error);
    return DVT_OK;
}

dvt_status dvt_take_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    int32_t axis;
    dvt_status status;
    const uint32_t size = dvt_gather_check(op, 2, &axis, info, error, &status);
    if (size == 0) return status;
    const dvt_axis_split split = dvt_split_at(op->inputs[0], axis);
    const uint64_t rows = (uint64_t)(split.outer * dvt_size(op->inputs[1]));
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->cost_ns =
        30 +
        rows * (PICOSECONDS_PER_ROW + PICOSECONDS_PER_BYTE * (uint64_t)split.inner * size) / 1000;
    return DVT_OK;
}
