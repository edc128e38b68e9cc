/* Gives memory a header of 16 bytes, and forgets what that does to its alignment. */
#include "device.h"

static dvt_status alloc_header(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                               dvt_error *error) {
    dvt_alloc_desc more = *desc;
    if (desc->size < CAPACITY) more.size += 16;
    dvt_status status = alloc(device, &more, data, error);
    if (status == DVT_OK) *data = (char *)*data + 16;
    return status;
}

static void release_header(dvt_device *device, const dvt_alloc_desc *desc) {
    dvt_alloc_desc more = *desc;
    more.size += 16;
    more.data = (char *)desc->data - 16;
    release(device, &more);
}

PLUGIN_WITH(DEVICE device_api.alloc = alloc_header; device_api.release = release_header;)
