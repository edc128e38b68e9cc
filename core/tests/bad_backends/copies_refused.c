/* Copies contiguous views alone, and refuses the others, where the host has nobody else to ask. */
#include "device.h"

static int is_contiguous(const dvt_tensor *t) {
    int64_t step = 1;
    for (int32_t axis = t->ndim - 1; axis >= 0; axis--) {
        if (t->shape[axis] != 1 && t->strides[axis] != step) return 0;
        step *= t->shape[axis];
    }
    return 1;
}

static dvt_status copy_contiguous(dvt_device *device, const dvt_copy *desc, dvt_error *error) {
    if (!is_contiguous(desc->source) || !is_contiguous(desc->destination))
        return dvt_set_error(error, DVT_UNSUPPORTED, "copy: only contiguous views");
    return copy(device, desc, error);
}

PLUGIN_WITH(DEVICE device_api.copy = copy_contiguous;)
