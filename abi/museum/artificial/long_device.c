/* Its device table has five slots of the future. */
#include "visitor.h"

static const dvt_kernel_def rows[] = {ROW};
static const struct {
    dvt_device_api api;
    void *future[5];
} device = {{.struct_size = sizeof device, DEVICE}, {GARBAGE, GARBAGE, GARBAGE, GARBAGE, GARBAGE}};
static const dvt_plugin plugin = {PLUGIN, ROWS(rows, 1, sizeof rows[0]), .device = &device.api};
ANSWER(&plugin)
