/* Walking a view of any strides in row-major order, in pieces: the core of every kernel that takes
 * strides. A cursor hands out pieces of its view where they lie when they are contiguous, and
 * otherwise copies them into a block that is. */
#ifndef DVT_CPU_STRIDED_LOOP_H
#define DVT_CPU_STRIDED_LOOP_H

#include <stdint.h>

#include "element.h"

#define DVT_MAX_NDIM 64

typedef struct dvt_cursor {
    char *at;      /* the next element */
    uint32_t size; /* of an element, in bytes */
    int32_t ndim;  /* at least 1: axes of extent 1 are gone, axes that follow each other are one */
    int64_t shape[DVT_MAX_NDIM];
    int64_t stride[DVT_MAX_NDIM]; /* in bytes */
    int64_t index[DVT_MAX_NDIM];
} dvt_cursor;

/* Stand at element `position` of the view's row-major order. */
void dvt_cursor_start(dvt_cursor *cursor, const dvt_tensor *view, uint32_t size, int64_t position);

/* The same for a shape and strides (in bytes) that are no tensor's. */
void dvt_cursor_start_at(dvt_cursor *cursor, char *data, uint32_t size, int32_t ndim,
                         const int64_t *shape, const int64_t *byte_strides, int64_t position);

/* Copy the next n elements into a contiguous block, or from one, and move on. */
void dvt_cursor_read(dvt_cursor *cursor, void *block, int64_t n);
void dvt_cursor_write(dvt_cursor *cursor, const void *block, int64_t n);

/* Move on by n elements. */
void dvt_cursor_skip(dvt_cursor *cursor, int64_t n);

/* How many elements lie one after the other from here on. */
static inline int64_t dvt_cursor_run(const dvt_cursor *cursor) {
    const int32_t last = cursor->ndim - 1;
    return cursor->stride[last] == (int64_t)cursor->size ? cursor->shape[last] - cursor->index[last]
                                                         : 1;
}

/* True when every element of the view is the same one. */
static inline int dvt_cursor_is_constant(const dvt_cursor *cursor) {
    return cursor->ndim == 1 && cursor->stride[0] == 0;
}

/* n elements of `size` bytes from one stride (in bytes) to another. */
void dvt_copy_strided(char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t n,
                      uint32_t size);

#endif
