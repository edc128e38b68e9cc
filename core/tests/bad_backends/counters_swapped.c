/* Tells how much memory is free as the total, and the total as free. */
#include "device.h"

static dvt_status memory_swapped(dvt_device *device, uint32_t space, uint64_t *free_bytes,
                                 uint64_t *total_bytes, dvt_error *error) {
    return device_memory(device, space, total_bytes, free_bytes, error);
}

PLUGIN_WITH(DEVICE device_api.device_memory = memory_swapped;)
