/* Convolutions as products whose one operand is read out of an image while it is packed.
 *
 * A grid of pixels (image, i, j) looks at an image through taps: tap t of pixel (i, j) is the
 * image's pixel (i * step_h + taps[t].h, j * step_w + taps[t].w), zero outside. Column t *
 * channels + c of that matrix is channel c of tap t. Forward, both gradients and depth-wise
 * kernels share this view: only the grid, the steps and the taps differ. */
#ifndef DVT_CPU_CONV_H
#define DVT_CPU_CONV_H

#include "matmul_engine.h"

typedef struct dvt_conv_tap {
    int64_t h, w;   /* offset in the image */
    int64_t weight; /* offset of the tap's weights, in elements */
} dvt_conv_tap;

/* The strides of an (images, height, width, channels) view, in elements. */
typedef struct dvt_conv_strides {
    int64_t image, h, w, channel;
} dvt_conv_strides;

typedef struct dvt_conv_patches {
    int64_t images, grid_h, grid_w; /* pixels of the grid */
    int64_t step_h, step_w;         /* from a pixel to its neighbour, in the image */
    int64_t height, width;          /* of the image */
    int64_t channels;               /* per tap */
    dvt_conv_strides image;
    int64_t n_taps;
    const dvt_conv_tap *taps;
    /* Taps that follow each other in memory, channels and all, where a pixel sees all of them; they
     * stand in groups of this many in taps. 1: none. */
    int64_t merge;
} dvt_conv_patches;

/* What rows of a result are, where they are not evenly spaced: pixels of a grid, or (tap, channel)
 * pairs. shape of a sink. */
typedef struct dvt_conv_rows {
    const dvt_gemm_element *element;
    int64_t grid_h, grid_w;
    dvt_conv_strides pixel; /* of the grid in the result; channel is the step of columns */
    int64_t channels;       /* per tap */
    int64_t channel;        /* stride */
    const dvt_conv_tap *taps;
} dvt_conv_rows;

/* One channel-by-channel convolution: result pixel (n, i, j), channel c, is the sum over the
 * taps of image times weight[tap.weight + c * weight_channel]. */
typedef struct dvt_conv_depthwise {
    dvt_conv_patches patches; /* channels: all of them */
    int64_t weight_channel;
    dvt_conv_strides result;
} dvt_conv_depthwise;

typedef struct dvt_conv_element {
    const dvt_gemm_element *element;
    dvt_gemm_pack_fn pack_pixels;   /* items are pixels; shape is dvt_conv_patches */
    dvt_gemm_pack_fn pack_features; /* items are (tap, channel); k runs over pixels */
    /* Rows [begin, end) of the grid, one row being grid_w pixels. */
    void (*depthwise)(const dvt_conv_depthwise *shape, const void *image, const void *weight,
                      void *result, int64_t begin, int64_t end);
    /* Weight gradient of tap t, channels [first, first + count): sum over the grid of image times
     * `other`, which has the strides shape->result; written at `weight`. */
    void (*depthwise_weight)(const dvt_conv_depthwise *shape, const void *image, const void *other,
                             void *weight, int64_t tap, int64_t first, int64_t count);
} dvt_conv_element;

extern const dvt_conv_element dvt_conv_f32, dvt_conv_f64, dvt_conv_f16, dvt_conv_bf16;

#define DVT_CONV_TAPS 64     /* taps that a depth-wise kernel takes at most */
#define DVT_CONV_CHANNELS 64 /* channels of one depth-wise weight task */

/* Weights whose taps are not evenly spaced: items keep one stride, k runs over (tap, channel).
 * shape is dvt_conv_rows, of which channels, channel, taps and element are used. */
void dvt_conv_pack_weights(const dvt_gemm_source *source, int64_t first, int64_t count, int64_t k0,
                           int64_t k, int width, void *panels);
/* Rows are pixels of a grid. */
void dvt_conv_store_pixels(const dvt_gemm_sink *sink, int64_t row, int64_t rows, int64_t column,
                           int64_t columns, const void *block, int64_t ld);
/* Rows are (tap, channel) pairs. */
void dvt_conv_store_taps(const dvt_gemm_sink *sink, int64_t row, int64_t rows, int64_t column,
                         int64_t columns, const void *block, int64_t ld);

/* ---- attributes and shapes, the same for the three ops -------------------------------------- */

typedef struct dvt_conv_geometry {
    int64_t images, height, width, out_h, out_w;
    int64_t kernel_h, kernel_w, channels, filters, groups; /* channels of the image, in all */
    int64_t stride_h, stride_w, top, left, dilation_h, dilation_w;
    dvt_conv_strides image, result; /* of x (or its gradient) and of y (or its gradient) */
    int64_t weight_h, weight_w, weight_in, weight_out; /* strides of w */
} dvt_conv_geometry;

/* Reads an op; image, weights and result are the tensors that stand for x, w and y. Returns
 * null, or a static reason why this device does not take it. */
const char *dvt_conv_read(dvt_conv_geometry *geometry, const dvt_op *op, const dvt_tensor *image,
                          const dvt_tensor *weights, const dvt_tensor *result);
const dvt_conv_element *dvt_conv_element_of(dvt_dtype dtype);

/* ---- one prepared convolution --------------------------------------------------------------- */

/* One product, over all groups, or one depth-wise pass. The left operand is the op's first input,
 * the right one its second. Shapes of the operands point into the part itself. */
typedef struct dvt_conv_part {
    dvt_gemm_plan plan;
    dvt_gemm gemm;                /* without addresses */
    int64_t offset[3];            /* of left, right and result, in elements */
    int64_t group[3];             /* from one group to the next */
    dvt_conv_patches left, right; /* right: the weight gradient's */
    dvt_conv_rows weights, result;
    dvt_conv_depthwise depthwise;
} dvt_conv_part;

#define DVT_CONV_PRODUCT 0
#define DVT_CONV_DEPTHWISE 1
#define DVT_CONV_DEPTHWISE_WEIGHT 2

typedef struct dvt_conv_kernel {
    const dvt_conv_element *element;
    uint64_t grain; /* depth-wise: tasks that are worth a thread */
    uint32_t kind, threads, n_parts;
    dvt_conv_part *parts;
    dvt_conv_tap taps[];
} dvt_conv_kernel;

/* Room for a kernel with that many parts and taps; null when there is no memory. */
dvt_conv_kernel *dvt_conv_new(const dvt_op *op, uint32_t n_parts, int64_t n_taps, dvt_error *error);
/* Describe operands of part->gemm, the simplest way that fits. `right`: use part->right. */
void dvt_conv_pixels(const dvt_conv_kernel *kernel, dvt_conv_part *part);
void dvt_conv_features(const dvt_conv_kernel *kernel, dvt_conv_part *part, int right);
void dvt_conv_weights(const dvt_conv_kernel *kernel, dvt_conv_part *part, int64_t item,
                      int64_t channel);
void dvt_conv_result(const dvt_conv_kernel *kernel, dvt_conv_part *part, int64_t images,
                     int64_t grid_h, int64_t grid_w, const dvt_conv_strides *pixel);
void dvt_conv_plan(dvt_conv_kernel *kernel, dvt_conv_part *part, int64_t m, int64_t n, int64_t k,
                   int64_t groups);
/* Turns a part whose left and result are described into a depth-wise pass. */
void dvt_conv_make_depthwise(dvt_conv_kernel *kernel, dvt_conv_part *part, uint32_t kind,
                             int64_t weight_channel, const dvt_conv_strides *result);
/* Answers prepare. */
dvt_status dvt_conv_answer(dvt_conv_kernel *kernel, dvt_kernel_info *info);

#endif
