/* The attributes and shapes of the convolution ops, and where rows that are not evenly spaced
 * lie. */
#include "conv.h"

static int list(const dvt_op *op, const char *name, uint64_t count, int64_t *to) {
    const dvt_attr *attr = dvt_find_attr(op->attrs, op->n_attrs, name);
    if (!attr || attr->kind != DVT_ATTR_INT64 || attr->count != count) return 0;
    for (uint64_t i = 0; i < count; i++) to[i] = ((const int64_t *)attr->values)[i];
    return 1;
}

const dvt_conv_element *dvt_conv_element_of(dvt_dtype dtype) {
    const dvt_gemm_element *element = dvt_gemm_element_of(dtype);
    return element == &dvt_gemm_element_f32    ? &dvt_conv_f32
           : element == &dvt_gemm_element_f64  ? &dvt_conv_f64
           : element == &dvt_gemm_element_f16  ? &dvt_conv_f16
           : element == &dvt_gemm_element_bf16 ? &dvt_conv_bf16
                                               : 0;
}

static dvt_conv_strides strides_of(const dvt_tensor *t) {
    return (dvt_conv_strides){t->strides[0], t->strides[1], t->strides[2], t->strides[3]};
}

const char *dvt_conv_read(dvt_conv_geometry *x, const dvt_op *op, const dvt_tensor *image,
                          const dvt_tensor *weights, const dvt_tensor *result) {
    int64_t strides[2], padding[4], dilation[2];
    if (image->ndim != 4 || weights->ndim != 4 || result->ndim != 4)
        return "convolutions take images, weights and results of four axes";
    if (!dvt_conv_element_of(op->outputs[0]->dtype))
        return "convolutions take float16, bfloat16, float32 and float64";
    if (!list(op, "strides", 2, strides) || !list(op, "padding", 4, padding) ||
        !list(op, "dilation", 2, dilation))
        return "a convolution needs two strides, four paddings and two dilations";
    *x = (dvt_conv_geometry){.images = image->shape[0],
                             .height = image->shape[1],
                             .width = image->shape[2],
                             .channels = image->shape[3],
                             .out_h = result->shape[1],
                             .out_w = result->shape[2],
                             .filters = result->shape[3],
                             .kernel_h = weights->shape[0],
                             .kernel_w = weights->shape[1],
                             .groups = dvt_attr_int(op->attrs, op->n_attrs, "groups", 1),
                             .stride_h = strides[0],
                             .stride_w = strides[1],
                             .top = padding[0],
                             .left = padding[2],
                             .dilation_h = dilation[0],
                             .dilation_w = dilation[1],
                             .image = strides_of(image),
                             .result = strides_of(result),
                             .weight_h = weights->strides[0],
                             .weight_w = weights->strides[1],
                             .weight_in = weights->strides[2],
                             .weight_out = weights->strides[3]};
    if (x->stride_h < 1 || x->stride_w < 1 || x->dilation_h < 1 || x->dilation_w < 1 ||
        x->groups < 1 || x->channels % x->groups != 0 || x->filters % x->groups != 0)
        return "strides, dilation and groups are at least 1, and groups divide the channels";
    return 0;
}

void dvt_conv_pack_weights(const dvt_gemm_source *source, int64_t first, int64_t count, int64_t k0,
                           int64_t k, int width, void *panels) {
    const dvt_conv_rows *rows = source->shape;
    const dvt_gemm_type *type = rows->element->type;
    for (int64_t item = 0; item < count; item += width) {
        char *panel = (char *)panels + item * k * type->size;
        const int64_t live = count - item < width ? count - item : width;
        int64_t tap = k0 / rows->channels, channel = k0 % rows->channels;
        for (int64_t p = 0, run; p < k; p += run, tap++, channel = 0) {
            run = rows->channels - channel < k - p ? rows->channels - channel : k - p;
            dvt_gemm_source one = *source;
            one.data = (const char *)source->data + rows->taps[tap].weight * rows->element->size;
            rows->element->pack(&one, first + item, live, channel, run, width,
                                panel + p * width * type->size);
        }
    }
}

void dvt_conv_store_pixels(const dvt_gemm_sink *sink, int64_t row, int64_t rows, int64_t column,
                           int64_t columns, const void *block, int64_t ld) {
    const dvt_conv_rows *shape = sink->shape;
    for (int64_t i = 0, run; i < rows; i += run) {
        const int64_t j = (row + i) % shape->grid_w, line = (row + i) / shape->grid_w;
        const int64_t at = line / shape->grid_h * shape->pixel.image +
                           line % shape->grid_h * shape->pixel.h + j * shape->pixel.w;
        run = shape->grid_w - j < rows - i ? shape->grid_w - j : rows - i;
        const dvt_gemm_sink one = {.data = (char *)sink->data + at * shape->element->size,
                                   .row = shape->pixel.w,
                                   .column = sink->column};
        shape->element->store(&one, 0, run, column, columns,
                              (const char *)block + i * ld * shape->element->type->size, ld);
    }
}

void dvt_conv_store_taps(const dvt_gemm_sink *sink, int64_t row, int64_t rows, int64_t column,
                         int64_t columns, const void *block, int64_t ld) {
    const dvt_conv_rows *shape = sink->shape;
    for (int64_t i = 0, run; i < rows; i += run) {
        const int64_t channel = (row + i) % shape->channels;
        const int64_t at =
            shape->taps[(row + i) / shape->channels].weight + channel * shape->channel;
        run = shape->channels - channel < rows - i ? shape->channels - channel : rows - i;
        const dvt_gemm_sink one = {.data = (char *)sink->data + at * shape->element->size,
                                   .row = shape->channel,
                                   .column = sink->column};
        shape->element->store(&one, 0, run, column, columns,
                              (const char *)block + i * ld * shape->element->type->size, ld);
    }
}
