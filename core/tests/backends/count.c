/* Has COUNT devices; none, when it is 0, and says why. The one numbered 1 does not open. */
#include "good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};
static char opened[4];

static dvt_status count_devices(const dvt_host *host, uint32_t *count, dvt_error *error) {
    (void)host;
    *count = COUNT;
    if (COUNT == 0) dvt_set_error(error, DVT_OK, "no Acme card is plugged in");
    return DVT_OK;
}

static dvt_status open_device(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    if (desc->ordinal == 1)
        return dvt_set_error(error, DVT_DEVICE_LOST, "card 1 does not answer; plug it in again");
    *device = (dvt_device *)(void *)&opened[desc->ordinal];
    return DVT_OK;
}

static dvt_status describe(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    (void)device;
    (void)error;
    info->name = "Acme card";
    info->vendor = "Acme";
    return DVT_OK;
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_count = count_devices,
                                          .device_open = open_device,
                                          .device_info = describe};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api};

QUERY {
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    return &plugin;
}
