/* Gives memory in multiples of its alignment only, instead of rounding up. */
#include "device.h"

static dvt_status alloc_whole(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                              dvt_error *error) {
    if (desc->size % ALIGNMENT != 0)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "alloc: sizes are multiples of 256");
    return alloc(device, desc, data, error);
}

PLUGIN_WITH(DEVICE device_api.alloc = alloc_whole;)
