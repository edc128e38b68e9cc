/* Cursors over views. */
#include "strided_loop.h"

#include <string.h>

typedef struct wide {
    uint64_t words[2];
} wide; /* a complex number of two doubles */

#define COPY_LOOP(type)                                                                            \
    for (int64_t i = 0; i < n; i++) memcpy(to + i * to_stride, from + i * from_stride, sizeof(type))

/* A constant source: the element is loaded once and the loop becomes wide stores. */
#define FILL_LOOP(type)                                                                            \
    {                                                                                              \
        type value;                                                                                \
        memcpy(&value, from, sizeof value);                                                        \
        for (int64_t i = 0; i < n; i++)                                                            \
            memcpy(to + i * (int64_t)sizeof(type), &value, sizeof value);                          \
    }                                                                                              \
    break

void dvt_copy_strided(char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t n,
                      uint32_t size) {
    if (to_stride == (int64_t)size && from_stride == (int64_t)size) {
        memcpy(to, from, (size_t)n * size);
        return;
    }
    if (from_stride == 0 && to_stride == (int64_t)size) {
        switch (size) {
        case 1:
            memset(to, *from, (size_t)n);
            return;
        case 2:
            FILL_LOOP(uint16_t);
        case 4:
            FILL_LOOP(uint32_t);
        case 8:
            FILL_LOOP(uint64_t);
        default:
            FILL_LOOP(wide);
        }
        return;
    }
    switch (size) {
    case 1:
        COPY_LOOP(uint8_t);
        break;
    case 2:
        COPY_LOOP(uint16_t);
        break;
    case 4:
        COPY_LOOP(uint32_t);
        break;
    case 8:
        COPY_LOOP(uint64_t);
        break;
    default:
        COPY_LOOP(wide);
        break;
    }
}

void dvt_cursor_start_at(dvt_cursor *cursor, char *data, uint32_t size, int32_t ndim,
                         const int64_t *shape, const int64_t *byte_strides, int64_t position) {
    int32_t kept = 0;
    for (int32_t i = 0; i < ndim; i++) {
        if (shape[i] == 1) continue;
        if (kept > 0 && cursor->stride[kept - 1] == byte_strides[i] * shape[i]) {
            cursor->shape[kept - 1] *= shape[i];
            cursor->stride[kept - 1] = byte_strides[i];
        } else {
            cursor->shape[kept] = shape[i];
            cursor->stride[kept] = byte_strides[i];
            kept++;
        }
    }
    if (kept == 0) {
        cursor->shape[0] = 1;
        cursor->stride[0] = size;
        kept = 1;
    }
    cursor->ndim = kept;
    cursor->size = size;
    cursor->at = data;
    for (int32_t i = kept; i-- > 0;) {
        const int64_t extent = cursor->shape[i];
        cursor->index[i] = position == 0 ? 0 : position % extent;
        position = position == 0 ? 0 : position / extent;
        cursor->at += cursor->index[i] * cursor->stride[i];
    }
}

void dvt_cursor_start(dvt_cursor *cursor, const dvt_tensor *view, uint32_t size, int64_t position) {
    int64_t strides[DVT_MAX_NDIM];
    for (int32_t i = 0; i < view->ndim; i++) strides[i] = view->strides[i] * (int64_t)size;
    dvt_cursor_start_at(cursor, dvt_tensor_data(view), size, view->ndim, view->shape, strides,
                        position);
}

/* The row is at its end: carry into the outer axes. */
static void carry(dvt_cursor *cursor) {
    int32_t i = cursor->ndim - 1;
    while (i >= 0 && cursor->index[i] == cursor->shape[i]) {
        cursor->at -= cursor->stride[i] * cursor->shape[i];
        cursor->index[i] = 0;
        if (--i < 0) return;
        cursor->index[i]++;
        cursor->at += cursor->stride[i];
    }
}

static inline void advance(dvt_cursor *cursor, int64_t n) {
    const int32_t last = cursor->ndim - 1;
    cursor->at += n * cursor->stride[last];
    cursor->index[last] += n;
    if (cursor->index[last] == cursor->shape[last]) carry(cursor);
}

static inline int64_t row_left(const dvt_cursor *cursor, int64_t n) {
    const int32_t last = cursor->ndim - 1;
    const int64_t left = cursor->shape[last] - cursor->index[last];
    return left < n ? left : n;
}

void dvt_cursor_read(dvt_cursor *cursor, void *block, int64_t n) {
    char *to = block;
    while (n > 0) {
        const int64_t part = row_left(cursor, n);
        dvt_copy_strided(to, cursor->size, cursor->at, cursor->stride[cursor->ndim - 1], part,
                         cursor->size);
        to += part * (int64_t)cursor->size;
        n -= part;
        advance(cursor, part);
    }
}

void dvt_cursor_write(dvt_cursor *cursor, const void *block, int64_t n) {
    const char *from = block;
    while (n > 0) {
        const int64_t part = row_left(cursor, n);
        dvt_copy_strided(cursor->at, cursor->stride[cursor->ndim - 1], from, cursor->size, part,
                         cursor->size);
        from += part * (int64_t)cursor->size;
        n -= part;
        advance(cursor, part);
    }
}

void dvt_cursor_skip(dvt_cursor *cursor, int64_t n) {
    while (n > 0) {
        const int64_t part = row_left(cursor, n);
        n -= part;
        advance(cursor, part);
    }
}
