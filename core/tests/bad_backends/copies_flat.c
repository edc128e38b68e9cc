/* Copies as if both views were contiguous. */
#include "device.h"

static dvt_status do_flat(task *t, dvt_error *error) {
    dvt_tensor *from = &t->tensors[0], *to = &t->tensors[1];
    (void)error;
    memcpy(dvt_tensor_data(to), dvt_tensor_data(from), (size_t)(count(to) * to->dtype.bits / 8));
    return DVT_OK;
}

static dvt_status copy_flat(dvt_device *device, const dvt_copy *desc, dvt_error *error) {
    task *t = new_task(do_flat, &desc->source, 1, &desc->destination, 1, error);
    (void)device;
    return t == NULL ? DVT_OUT_OF_MEMORY : submit(desc->stream, t, error);
}

PLUGIN_WITH(DEVICE device_api.copy = copy_flat;)
