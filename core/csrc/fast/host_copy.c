/* Copies in memory that the host can address, for devices that leave them to the host: any strides on
 * both sides, whole rows at once where both sides have them. */
#include <string.h>

#include "transfer.h"

static void copy_axes(const dvt_tensor *source, const dvt_tensor *destination, const char *from,
                      char *to, int32_t axis, size_t item) {
    if (axis == source->ndim) {
        memcpy(to, from, item);
        return;
    }
    int64_t n = source->shape[axis];
    int64_t step_from = source->strides[axis] * (int64_t)item;
    int64_t step_to = destination->strides[axis] * (int64_t)item;
    if (axis == source->ndim - 1 && step_from == (int64_t)item && step_to == (int64_t)item) {
        memcpy(to, from, (size_t)n * item);
        return;
    }
    for (int64_t i = 0; i < n; i++)
        copy_axes(source, destination, from + i * step_from, to + i * step_to, axis + 1, item);
}

static size_t item_size(const dvt_tensor *t) {
    return (size_t)t->dtype.bits * t->dtype.lanes / 8;
}

static bool packed(const dvt_tensor *t) {
    int64_t expected = 1;
    for (int32_t d = t->ndim - 1; d >= 0; d--) {
        if (t->shape[d] != 1 && t->strides[d] != expected) return false;
        expected *= t->shape[d];
    }
    return true;
}

uint64_t dvf_view_bytes(const dvt_tensor *view) {
    uint64_t bytes = item_size(view);
    for (int32_t d = 0; d < view->ndim; d++) bytes *= (uint64_t)view->shape[d];
    return bytes;
}

void dvf_row_strides(const dvt_tensor *like, int64_t *strides) {
    int64_t stride = 1;
    for (int32_t d = like->ndim - 1; d >= 0; d--) {
        strides[d] = stride;
        stride *= like->shape[d];
    }
}

void dvf_host_copy(const dvt_tensor *source, const dvt_tensor *destination) {
    size_t size = (size_t)dvf_view_bytes(source);
    if (size == 0) return;
    const char *from = (const char *)source->data + source->byte_offset;
    char *to = (char *)destination->data + destination->byte_offset;
    if (packed(source) && packed(destination)) {
        memcpy(to, from, size);
        return;
    }
    copy_axes(source, destination, from, to, 0, item_size(source));
}

void dvf_view_span(const dvt_tensor *view, uint64_t *first, uint64_t *end) {
    int64_t low = (int64_t)view->byte_offset, high = low, item = (int64_t)item_size(view);
    for (int32_t d = 0; d < view->ndim; d++) {
        int64_t reach = (view->shape[d] - 1) * view->strides[d] * item;
        if (view->shape[d] == 0) {
            *first = *end = view->byte_offset;
            return;
        }
        if (reach > 0) high += reach;
        if (reach < 0) low += reach;
    }
    *first = (uint64_t)low;
    *end = (uint64_t)(high + item);
}
