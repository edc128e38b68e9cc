/* Memory that the host may read and write between map and unmap alone; the device copies nothing. */
#include "device.h"

static dvt_status mapped_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    static dvt_memory_space space;
    static const dvt_memory_space *const spaces[] = {&space};
    dvt_status status = device_info(device, info, error);
    space = *info->spaces[0];
    space.flags = DVT_SPACE_HOST_VISIBLE;
    info->spaces = spaces;
    return status;
}

static dvt_status map(dvt_device *device, const dvt_map_desc *desc, void **host_data,
                      dvt_error *error) {
    (void)device;
    (void)error;
    *host_data = (char *)desc->data + desc->offset;
    return DVT_OK;
}

static dvt_status unmap(dvt_device *device, const dvt_map_desc *desc, dvt_error *error) {
    (void)device;
    (void)desc;
    (void)error;
    return DVT_OK;
}

PLUGIN_WITH(DEVICE device_api.device_info = mapped_info; device_api.copy = NULL;
            device_api.map = map; device_api.unmap = unmap;)
