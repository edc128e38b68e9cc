/* Devices that open too easily, or not, and describe what is not there: BAD says what. */
#include <string.h>

#include "../backends/good.h"

static char opened[1];
static int times, closed_times;

static dvt_status count_devices(const dvt_host *host, uint32_t *count, dvt_error *error) {
    (void)host;
    *count = 1;
    if (BAD == 4) return dvt_set_error(error, DVT_INTERNAL, "");
    if (BAD == 5) *count = 0;
    return DVT_OK;
}

static dvt_status open_device(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    if (BAD == 2 || desc->ordinal == 0) *device = (dvt_device *)(void *)opened;
    if (BAD == 2 && (desc->ordinal != 0 || desc->n_options != 0))
        return dvt_set_error(error, DVT_INTERNAL, ""); /* and leaves the handle */
    if (BAD == 6) return dvt_set_error(error, DVT_DEVICE_LOST, "card 0 does not answer");
    times++;
    if (BAD == 3 && closed_times > 0 && desc->n_options == 0 && desc->ordinal == 0 && times > 1)
        return dvt_set_error(error, DVT_INTERNAL, "the card was closed");
    if (BAD == 1) *device = (dvt_device *)(void *)opened;
    if (BAD == 1) memset(desc->host->host_alloc(desc->host, 100, 64), 0, 101); /* never freed */
    if (BAD == 3 && (desc->n_options != 0 || desc->ordinal != 0))
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "there is no such device or option");
    return DVT_OK;
}

static void close_device(dvt_device *device) {
    (void)device;
    closed_times++;
}

static const dvt_memory_space odd = {
    .struct_size = sizeof odd, .kind = 77, .alignment = 48, .name = "odd"};
static const dvt_memory_space far = {
    .struct_size = 20, .kind = DVT_SPACE_DEVICE, .alignment = 64, .name = "far"};
static const dvt_memory_space *const spaces[] = {&odd, &far, NULL};

static dvt_status describe(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    (void)device;
    (void)error;
    if (BAD == 3) return DVT_OK; /* no name */
    memset((char *)info + info->struct_size, 0, 8);
    info->struct_size += 8;
    info->name = "Acme card";
    info->flags = 1;
    info->shapes = 9;
    info->spaces = spaces;
    info->n_spaces = 3;
    return DVT_OK;
}

static dvt_status memory(dvt_device *device, uint32_t space, uint64_t *free_bytes,
                         uint64_t *total_bytes, dvt_error *error) {
    (void)device;
    (void)space;
    (void)error;
    *free_bytes = 200;
    *total_bytes = 100;
    return DVT_OK;
}

static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_count = count_devices,
                                          .device_open = open_device,
                                          .device_close = close_device,
                                          .device_info = describe,
                                          .device_memory = memory};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
