/* Keeps sizes in 32 bits: of what is larger than all it has, it gives the rest. */
#include "device.h"

static dvt_status alloc_low(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                            dvt_error *error) {
    dvt_alloc_desc low = *desc;
    low.size = (uint32_t)desc->size;
    return alloc(device, &low, data, error);
}

static void release_low(dvt_device *device, const dvt_alloc_desc *desc) {
    dvt_alloc_desc low = *desc;
    low.size = (uint32_t)desc->size;
    release(device, &low);
}

PLUGIN_WITH(DEVICE device_api.alloc = alloc_low; device_api.release = release_low;)
