/* Indices to positions. */
#include "gather_index.h"

#include <stdatomic.h>
#include <stdio.h>

#include "element.h"
#include "parallel.h"
#include "strided_loop.h"

#define PICOSECONDS 600

/* Without a branch, so that it becomes vector code. */
#define RESOLVE(type)                                                                              \
    {                                                                                              \
        const type *const from = (const type *)indices + first;                                    \
        for (int64_t i = 0; i < n; i++) {                                                          \
            const int64_t index = from[i], position = index + (index < 0 ? extent : 0);            \
            const int wrong = (uint64_t)position >= (uint64_t)extent;                              \
            to[i] = wrong ? 0 : position;                                                          \
            any |= wrong;                                                                          \
        }                                                                                          \
    }

int dvt_index_resolve(int64_t *to, const void *indices, uint32_t size, int64_t first, int64_t n,
                      int64_t extent) {
    int any = 0;
    if (size == sizeof(int32_t))
        RESOLVE(int32_t)
    else
        RESOLVE(int64_t)
    return !any;
}

typedef struct resolving {
    int64_t *to;
    const void *indices;
    uint32_t size;
    int64_t extent;
    atomic_int wrong;
} resolving;

static void resolve_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    resolving *const r = context;
    int64_t unused[DVT_INDEX_BLOCK];
    int right = 1;
    (void)worker;
    for (uint64_t at = begin; at < end; at += DVT_INDEX_BLOCK) {
        const uint64_t n = end - at < DVT_INDEX_BLOCK ? end - at : DVT_INDEX_BLOCK;
        right &= dvt_index_resolve(r->to ? r->to + at : unused, r->indices, r->size, (int64_t)at,
                                   (int64_t)n, r->extent);
    }
    if (!right) atomic_store_explicit(&r->wrong, 1, memory_order_relaxed);
}

int dvt_index_resolve_all(const dvt_host *host, int64_t *to, const dvt_tensor *indices,
                          int64_t extent) {
    resolving r = {.to = to,
                   .indices = dvt_tensor_data(indices),
                   .size = dvt_type_size(dvt_type_of(indices->dtype)),
                   .extent = extent};
    const int64_t n = dvt_size(indices);
    if (n > 0) dvt_parallel(host, (uint64_t)n, PICOSECONDS, resolve_range, &r);
    return !atomic_load_explicit(&r.wrong, memory_order_relaxed);
}

dvt_status dvt_index_fail(const char *op, const dvt_tensor *indices, int32_t axis, int64_t extent,
                          dvt_error *error) {
    const uint32_t size = dvt_type_size(dvt_type_of(indices->dtype));
    const int64_t n = dvt_size(indices);
    char text[200];
    int64_t index = 0, position;
    dvt_cursor cursor;
    dvt_cursor_start(&cursor, indices, size, 0);
    for (int64_t i = 0; i < n; i++) {
        int32_t narrow;
        dvt_cursor_read(&cursor, size == sizeof narrow ? (void *)&narrow : (void *)&index, 1);
        if (size == sizeof narrow) index = narrow;
        if (!dvt_index_resolve(&position, &index, sizeof index, 0, 1, extent)) break;
    }
    if (extent > 0)
        snprintf(
            text, sizeof text,
            "%s: index %lld is out of range for axis %d with size %lld; valid are %lld to %lld", op,
            (long long)index, (int)axis, (long long)extent, (long long)-extent,
            (long long)extent - 1);
    else
        snprintf(text, sizeof text,
                 "%s: index %lld is out of range for axis %d with size 0; no index is valid there",
                 op, (long long)index, (int)axis);
    return dvt_set_error(error, DVT_INVALID_ARGUMENT, text);
}

uint32_t dvt_gather_check(const dvt_op *op, uint32_t n_inputs, int32_t *axis, dvt_kernel_info *info,
                          dvt_error *error, dvt_status *status) {
    const int64_t given = dvt_attr_int(op->attrs, op->n_attrs, "axis", -1);
    char text[160];
    *status = DVT_INVALID_ARGUMENT;
    if (op->n_inputs != n_inputs || op->n_outputs != 1) {
        snprintf(text, sizeof text, "%s: it takes %u arrays and gives 1, not %u and %u", op->name,
                 n_inputs, op->n_inputs, op->n_outputs);
        dvt_set_error(error, *status, text);
        return 0;
    }
    const dvt_tensor *const x = op->inputs[0];
    if (given < 0 || given >= x->ndim) {
        snprintf(text, sizeof text, "%s: axis %lld is no axis of an array with %d axes", op->name,
                 (long long)given, (int)x->ndim);
        dvt_set_error(error, *status, text);
        return 0;
    }
    *axis = (int32_t)given;
    *status = DVT_UNSUPPORTED;
    const dvt_type index = dvt_type_of(op->inputs[1]->dtype);
    const uint32_t size = dvt_type_size(dvt_type_of(x->dtype));
    if (size == 0 || (index != DVT_TYPE_I32 && index != DVT_TYPE_I64)) {
        info->reason = "the CPU device takes elements of 1, 2, 4 or 8 bytes at positions that are "
                       "int32 or int64";
        return 0;
    }
    *status = DVT_OK;
    return size;
}
