/* conv2d and its two gradients over NHWC images and HWIO weights of any strides. */
#include "conv.h"
#include "nothing.h"
#include "rows.h"

#include <stdlib.h>

static dvt_status refuse(dvt_kernel_info *info, const char *reason) {
    info->reason = reason;
    return DVT_UNSUPPORTED;
}

/* Channel c makes channel c: the engine's products would be one column wide. */
static int channelwise(const dvt_conv_geometry *x) {
    return x->groups == x->channels && x->filters == x->channels && x->channels > 1 &&
           x->kernel_h * x->kernel_w <= DVT_CONV_TAPS;
}

/* y = patches of x times w. */
static dvt_status forward_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    dvt_conv_geometry x;
    const char *reason = dvt_conv_read(&x, op, op->inputs[0], op->inputs[1], op->outputs[0]);
    if (reason) return refuse(info, reason);
    if (dvt_nothing(op, info)) return DVT_OK;
    const int64_t n_taps = x.kernel_h * x.kernel_w;
    dvt_conv_kernel *kernel = dvt_conv_new(op, 1, n_taps, error);
    if (!kernel) return DVT_OUT_OF_MEMORY;
    dvt_conv_part *part = kernel->parts;
    for (int64_t t = 0; t < n_taps; t++) {
        const int64_t h = t / x.kernel_w, w = t % x.kernel_w;
        kernel->taps[t] = (dvt_conv_tap){h * x.dilation_h - x.top, w * x.dilation_w - x.left,
                                         h * x.weight_h + w * x.weight_w};
    }
    const int64_t channels = x.channels / x.groups, filters = x.filters / x.groups;
    part->left = (dvt_conv_patches){.images = x.images,
                                    .grid_h = x.out_h,
                                    .grid_w = x.out_w,
                                    .step_h = x.stride_h,
                                    .step_w = x.stride_w,
                                    .height = x.height,
                                    .width = x.width,
                                    .channels = channels,
                                    .image = x.image,
                                    .n_taps = n_taps,
                                    .taps = kernel->taps,
                                    .merge = 1};
    if (x.dilation_w == 1 && x.image.w == channels * x.image.channel) part->left.merge = x.kernel_w;
    if (channelwise(&x)) {
        part->left.channels = x.channels;
        dvt_conv_make_depthwise(kernel, part, DVT_CONV_DEPTHWISE, x.weight_out, &x.result);
        return dvt_conv_answer(kernel, info);
    }
    part->group[0] = channels * x.image.channel;
    part->group[1] = filters * x.weight_out;
    part->group[2] = filters * x.result.channel;
    dvt_conv_pixels(kernel, part);
    dvt_conv_weights(kernel, part, x.weight_out, x.weight_in);
    dvt_conv_result(kernel, part, x.images, x.out_h, x.out_w, &x.result);
    dvt_conv_plan(kernel, part, x.images * x.out_h * x.out_w, filters, n_taps * channels, x.groups);
    return dvt_conv_answer(kernel, info);
}

/* The pixels of gx in one class of remainders by the strides meet the same taps, at whole steps of
 * g: each class is a convolution of its own without a product with zero. */
static int64_t class_taps(const dvt_conv_geometry *x, int64_t rest_h, int64_t rest_w,
                          dvt_conv_tap *taps) {
    int64_t n = 0;
    for (int64_t h = 0; h < x->kernel_h; h++)
        for (int64_t w = 0; w < x->kernel_w; w++) {
            const int64_t at_h = rest_h + x->top - h * x->dilation_h;
            const int64_t at_w = rest_w + x->left - w * x->dilation_w;
            if (at_h % x->stride_h == 0 && at_w % x->stride_w == 0)
                taps[n++] = (dvt_conv_tap){at_h / x->stride_h, at_w / x->stride_w,
                                           h * x->weight_h + w * x->weight_w};
        }
    return n;
}

static dvt_status input_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    dvt_conv_geometry x;
    const char *reason = dvt_conv_read(&x, op, op->outputs[0], op->inputs[1], op->inputs[0]);
    if (reason) return refuse(info, reason);
    if (dvt_nothing(op, info)) return DVT_OK;
    const int64_t classes_h = x.stride_h < x.height ? x.stride_h : x.height;
    const int64_t classes_w = x.stride_w < x.width ? x.stride_w : x.width;
    dvt_conv_kernel *kernel =
        dvt_conv_new(op, (uint32_t)(classes_h * classes_w), x.kernel_h * x.kernel_w, error);
    if (!kernel) return DVT_OUT_OF_MEMORY;
    const int64_t channels = x.channels / x.groups, filters = x.filters / x.groups;
    dvt_conv_tap *taps = kernel->taps;
    for (int64_t c = 0; c < classes_h * classes_w; c++) {
        const int64_t rest_h = c / classes_w, rest_w = c % classes_w;
        dvt_conv_part *part = &kernel->parts[c];
        const int64_t grid_h = (x.height - rest_h + x.stride_h - 1) / x.stride_h;
        const int64_t grid_w = (x.width - rest_w + x.stride_w - 1) / x.stride_w;
        const dvt_conv_strides pixel = {x.image.image, x.image.h * x.stride_h,
                                        x.image.w * x.stride_w, x.image.channel};
        part->left = (dvt_conv_patches){.images = x.images,
                                        .grid_h = grid_h,
                                        .grid_w = grid_w,
                                        .step_h = 1,
                                        .step_w = 1,
                                        .height = x.out_h,
                                        .width = x.out_w,
                                        .channels = filters,
                                        .image = x.result,
                                        .n_taps = class_taps(&x, rest_h, rest_w, taps),
                                        .taps = taps,
                                        .merge = 1};
        taps += part->left.n_taps;
        part->offset[2] = rest_h * x.image.h + rest_w * x.image.w;
        if (channelwise(&x)) {
            part->left.channels = x.channels;
            dvt_conv_make_depthwise(kernel, part, DVT_CONV_DEPTHWISE, x.weight_out, &pixel);
            continue;
        }
        part->group[0] = filters * x.result.channel;
        part->group[1] = filters * x.weight_out;
        part->group[2] = channels * x.image.channel;
        dvt_conv_pixels(kernel, part);
        dvt_conv_weights(kernel, part, x.weight_in, x.weight_out);
        dvt_conv_result(kernel, part, x.images, grid_h, grid_w, &pixel);
        dvt_conv_plan(kernel, part, x.images * grid_h * grid_w, channels,
                      part->left.n_taps * filters, x.groups);
    }
    return dvt_conv_answer(kernel, info);
}

/* gw = patches of x, transposed, times g: the sum runs over the pixels. */
static dvt_status weight_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    dvt_conv_geometry x;
    const char *reason = dvt_conv_read(&x, op, op->inputs[0], op->outputs[0], op->inputs[1]);
    if (reason) return refuse(info, reason);
    if (dvt_nothing(op, info)) return DVT_OK;
    const int64_t n_taps = x.kernel_h * x.kernel_w;
    dvt_conv_kernel *kernel = dvt_conv_new(op, 1, n_taps + 1, error);
    if (!kernel) return DVT_OUT_OF_MEMORY;
    dvt_conv_part *part = kernel->parts;
    for (int64_t t = 0; t < n_taps; t++) {
        const int64_t h = t / x.kernel_w, w = t % x.kernel_w;
        kernel->taps[t] = (dvt_conv_tap){h * x.dilation_h - x.top, w * x.dilation_w - x.left,
                                         h * x.weight_h + w * x.weight_w};
    }
    kernel->taps[n_taps] = (dvt_conv_tap){0, 0, 0};
    const int64_t channels = x.channels / x.groups, filters = x.filters / x.groups;
    part->left = (dvt_conv_patches){.images = x.images,
                                    .grid_h = x.out_h,
                                    .grid_w = x.out_w,
                                    .step_h = x.stride_h,
                                    .step_w = x.stride_w,
                                    .height = x.height,
                                    .width = x.width,
                                    .channels = channels,
                                    .image = x.image,
                                    .n_taps = n_taps,
                                    .taps = kernel->taps,
                                    .merge = 1};
    if (channelwise(&x)) {
        part->left.channels = x.channels;
        dvt_conv_make_depthwise(kernel, part, DVT_CONV_DEPTHWISE_WEIGHT, x.weight_out, &x.result);
        return dvt_conv_answer(kernel, info);
    }
    part->right = part->left;
    part->right.step_h = part->right.step_w = 1;
    part->right.height = x.out_h;
    part->right.width = x.out_w;
    part->right.channels = filters;
    part->right.image = x.result;
    part->right.n_taps = 1;
    part->right.taps = &kernel->taps[n_taps];
    part->group[0] = channels * x.image.channel;
    part->group[1] = filters * x.result.channel;
    part->group[2] = filters * x.weight_out;
    dvt_conv_features(kernel, part, 0);
    dvt_conv_features(kernel, part, 1);
    part->result = (dvt_conv_rows){.element = kernel->element->element,
                                   .channels = channels,
                                   .channel = x.weight_in,
                                   .taps = kernel->taps};
    part->gemm.c = (dvt_gemm_sink){
        .store = dvt_conv_store_taps, .column = x.weight_out, .shape = &part->result};
    /* Rows that follow each other evenly are written in place. */
    if (kernel->element->element->same && x.weight_out == 1 &&
        (x.kernel_w <= 1 || x.weight_w == channels * x.weight_in) &&
        (x.kernel_h <= 1 || x.weight_h == x.kernel_w * channels * x.weight_in))
        part->gemm.c = (dvt_gemm_sink){.row = x.weight_in, .column = 1};
    dvt_conv_plan(kernel, part, n_taps * channels, filters, x.images * x.out_h * x.out_w, x.groups);
    return dvt_conv_answer(kernel, info);
}

static void conv_destroy(dvt_kernel *handle) {
    dvt_conv_kernel *kernel = (dvt_conv_kernel *)(void *)handle;
    free(kernel->parts);
    free(kernel);
}

#define CONV_ROW(name, function)                                                                   \
    {.op = name,                                                                                   \
     .types = "T=f32|f64|f16|bf16",                                                                \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = DVT_KERNEL_STRIDED,                                                                  \
     .prepare = function,                                                                          \
     .destroy = conv_destroy}

const dvt_kernel_def dvt_cpu_conv_rows[] = {
    CONV_ROW("conv2d", forward_prepare),
    CONV_ROW("conv2d_input_gradient", input_prepare),
    CONV_ROW("conv2d_weight_gradient", weight_prepare),
};
const uint32_t dvt_cpu_conv_count = sizeof dvt_cpu_conv_rows / sizeof dvt_cpu_conv_rows[0];
