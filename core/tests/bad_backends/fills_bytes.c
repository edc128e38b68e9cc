/* Fills with the first byte of the pattern. */
#include "device.h"

static dvt_status fill_bytes(dvt_device *device, const dvt_fill *desc, dvt_error *error) {
    char bytes[16];
    dvt_fill first = *desc;
    memset(bytes, *(const char *)desc->pattern, sizeof bytes);
    first.pattern = bytes;
    return fill(device, &first, error);
}

PLUGIN_WITH(DEVICE device_api.fill = fill_bytes;)
