/* Refuses to fill with elements of 16 bytes and does not say why. */
#include "device.h"

static dvt_status fill_small(dvt_device *device, const dvt_fill *desc, dvt_error *error) {
    if (desc->destination->dtype.bits > 64) return DVT_INVALID_ARGUMENT;
    return fill(device, desc, error);
}

PLUGIN_WITH(DEVICE device_api.fill = fill_small;)
