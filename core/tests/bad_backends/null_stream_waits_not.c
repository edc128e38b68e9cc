/* Without a stream it uses one of its own, and does not wait for it. */
#include "device.h"

static dvt_stream *own;

static dvt_status copy_later(dvt_device *device, const dvt_copy *desc, dvt_error *error) {
    dvt_copy later = *desc;
    dvt_stream_desc stream = {.struct_size = sizeof stream};
    if (own == NULL && stream_create(device, &stream, &own, error) != DVT_OK)
        return DVT_OUT_OF_MEMORY;
    if (later.stream == NULL) later.stream = own;
    return copy(device, &later, error);
}

PLUGIN_WITH(DEVICE device_api.copy = copy_later;)
