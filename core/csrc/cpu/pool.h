/* Pooling windows over NHWC images. */
#ifndef DVT_CPU_POOL_H
#define DVT_CPU_POOL_H

#include "dovetail.h"

typedef struct dvt_pool_strides {
    int64_t image, h, w, channel; /* in elements */
} dvt_pool_strides;

/* The larger image is what windows move over, the smaller one has a pixel per window. */
typedef struct dvt_pool_shape {
    int64_t images, channels;
    int64_t height, width; /* of the larger image */
    int64_t out_h, out_w;  /* of the smaller */
    int64_t window_h, window_w, stride_h, stride_w, top, left;
    int64_t bottom, right; /* padding on the far sides */
    int count_include_pad; /* avg: padding counts in the divisor */
    dvt_pool_strides large, small, index;
} dvt_pool_shape;

/* Rows [begin, end) of the result: image * rows + row. */
typedef void (*dvt_pool_fn)(const dvt_pool_shape *shape, const void *in, void *out, int64_t *index,
                            int64_t begin, int64_t end);

typedef struct dvt_pool_element {
    dvt_pool_fn max;
    dvt_pool_fn average, average_gradient; /* null for integers */
    int64_t size;
} dvt_pool_element;

extern const dvt_pool_element dvt_pool_f32, dvt_pool_f64, dvt_pool_f16, dvt_pool_bf16;
extern const dvt_pool_element dvt_pool_i8, dvt_pool_i16, dvt_pool_i32, dvt_pool_i64;
extern const dvt_pool_element dvt_pool_u8, dvt_pool_u16, dvt_pool_u32, dvt_pool_u64;

/* Part [*from, *to) of the larger image that window `at` covers along one axis. */
static inline void dvt_pool_window(int64_t at, int64_t stride, int64_t pad, int64_t window,
                                   int64_t extent, int64_t *from, int64_t *to) {
    *from = at * stride - pad;
    *to = *from + window < extent ? *from + window : extent;
    if (*from < 0) *from = 0;
}

/* How many elements a window's average is divided by: window `i`, `j` of the smaller image. Padding
 * counts where asked, what a window has beyond the padded image never does. */
static inline int64_t dvt_pool_count(const dvt_pool_shape *x, int64_t i, int64_t j) {
    int64_t h0, h1, w0, w1;
    if (x->count_include_pad) {
        dvt_pool_window(i, x->stride_h, 0, x->window_h, x->top + x->height + x->bottom, &h0, &h1);
        dvt_pool_window(j, x->stride_w, 0, x->window_w, x->left + x->width + x->right, &w0, &w1);
    } else {
        dvt_pool_window(i, x->stride_h, x->top, x->window_h, x->height, &h0, &h1);
        dvt_pool_window(j, x->stride_w, x->left, x->window_w, x->width, &w0, &w1);
    }
    return h1 > h0 && w1 > w0 ? (h1 - h0) * (w1 - w0) : 0;
}

#endif
