/* Keeps what is released. */
#include "device.h"

static void release_never(dvt_device *device, const dvt_alloc_desc *desc) {
    (void)device;
    (void)desc;
}

PLUGIN_WITH(DEVICE device_api.release = release_never;)
