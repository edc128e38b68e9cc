/* Memory that the host sees through map and unmap alone: what is written while mapped reaches the device
 * at unmap, and nothing else does. Synchronous, without a copy slot. One kernel: float32 add. */
#include <stdlib.h>
#include <string.h>

#include "good.h"

static int opened;
static char *shown[2]; /* one map for reading and one for writing may be open at once */

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    (void)desc;
    (void)error;
    *device = (dvt_device *)(void *)&opened;
    return DVT_OK;
}

static dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    static const dvt_memory_space space = {.struct_size = sizeof space,
                                           .flags = DVT_SPACE_HOST_VISIBLE,
                                           .kind = DVT_SPACE_DEVICE,
                                           .place = {DVT_PLACE_EXTENSION, 9},
                                           .name = "own"};
    static const dvt_memory_space *const spaces[] = {&space};
    (void)device;
    (void)error;
    info->name = "mapped";
    info->spaces = spaces;
    info->n_spaces = 1;
    return DVT_OK;
}

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    (void)device;
    *data = aligned_alloc(64, (size_t)(desc->size + 63) / 64 * 64);
    if (*data == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "the system gave nothing");
    return DVT_OK;
}

static void release(dvt_device *device, const dvt_alloc_desc *desc) {
    (void)device;
    free(desc->data);
}

static dvt_status map(dvt_device *device, const dvt_map_desc *desc, void **host_data,
                      dvt_error *error) {
    int writes = (desc->flags & DVT_MAP_WRITE) != 0;
    char *memory = malloc((size_t)desc->size);
    (void)device;
    if (memory == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "malloc gave nothing");
    if (shown[writes] != NULL) return dvt_set_error(error, DVT_INVALID_ARGUMENT, "mapped twice");
    memset(memory, 0x55, (size_t)desc->size); /* who maps to write alone reads nothing useful */
    if (desc->flags & DVT_MAP_READ)
        memcpy(memory, (char *)desc->data + desc->offset, (size_t)desc->size);
    shown[writes] = memory;
    *host_data = memory;
    return DVT_OK;
}

static dvt_status unmap(dvt_device *device, const dvt_map_desc *desc, dvt_error *error) {
    int writes = (desc->flags & DVT_MAP_WRITE) != 0;
    (void)device;
    if (shown[writes] == NULL) return dvt_set_error(error, DVT_INVALID_ARGUMENT, "not mapped");
    if (writes) memcpy((char *)desc->data + desc->offset, shown[1], (size_t)desc->size);
    free(shown[writes]);
    shown[writes] = NULL;
    return DVT_OK;
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_open = device_open,
                                          .device_info = device_info,
                                          .alloc = alloc,
                                          .release = release,
                                          .map = map,
                                          .unmap = unmap};
static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
