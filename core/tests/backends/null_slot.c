/* A device table without device_info, which is mandatory. */
#include "good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};

static dvt_status open_device(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    (void)desc;
    (void)error;
    *device = NULL;
    return DVT_OK;
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_open = open_device};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api};

QUERY {
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    return &plugin;
}
