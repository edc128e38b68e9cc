/* Its device table ends with `device_info`; to call what lies behind is the end. */
#include <stdlib.h>

#include "visitor.h"

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    (void)device;
    (void)desc;
    (void)data;
    (void)error;
    abort();
}

static dvt_status sync(dvt_device *device, dvt_error *error) {
    (void)device;
    (void)error;
    abort();
}

static const dvt_kernel_def rows[] = {ROW};
static const dvt_device_api device = {
    .struct_size = REACH(dvt_device_api, device_info), DEVICE, .device_sync = sync, .alloc = alloc};
static const dvt_plugin plugin = {PLUGIN, ROWS(rows, 1, sizeof rows[0]), .device = &device};
ANSWER(&plugin)
