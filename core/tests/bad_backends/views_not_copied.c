/* Reads the caller's descriptor when the work is done, long after the call has returned. */
#include "device.h"

static dvt_status do_late(task *t, dvt_error *error) {
    const dvt_tensor *const *views = t->memory;
    const dvt_tensor *from = views[0], *to = &t->tensors[0];
    (void)error;
    for (int64_t i = 0, n = count(to); i < n; i++)
        memcpy(element(to, i), element(from, i), (size_t)to->dtype.bits / 8);
    free(t->memory);
    return DVT_OK;
}

static dvt_status copy_late(dvt_device *device, const dvt_copy *desc, dvt_error *error) {
    if (desc->stream == NULL) return copy(device, desc, error);
    task *t = new_task(do_late, NULL, 0, &desc->destination, 1, error);
    const dvt_tensor **views = malloc(sizeof *views);
    if (t == NULL || views == NULL) return DVT_OUT_OF_MEMORY;
    views[0] = desc->source;
    t->memory = views;
    return submit(desc->stream, t, error);
}

PLUGIN_WITH(DEVICE device_api.copy = copy_late;)
