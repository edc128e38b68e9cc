/* device_sync is left for later. */
#include "device.h"

static dvt_status sync_nothing(dvt_device *device, dvt_error *error) {
    (void)device;
    (void)error;
    return DVT_OK;
}

PLUGIN_WITH(DEVICE device_api.device_sync = sync_nothing;)
