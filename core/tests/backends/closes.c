/* Plain host memory, and a word on standard output for each thing that ends: a kernel, the device, the
 * plugin. */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "good.h"

static int opened;

static void say(const char *text) {
    if (write(STDOUT_FILENO, text, strlen(text)) < 0) abort();
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    (void)desc;
    (void)error;
    *device = (dvt_device *)(void *)&opened;
    return DVT_OK;
}

static dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    (void)device;
    (void)error;
    info->name = "closes";
    return DVT_OK;
}

static void device_close(dvt_device *device) {
    (void)device;
    say(NAME " closed\n");
}

static void shut_down(void) {
    say(NAME " shut down\n");
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)op;
    (void)error;
    info->run = add;
    info->kernel = (dvt_kernel *)(void *)&opened;
    return DVT_OK;
}

static void destroy(dvt_kernel *kernel) {
    (void)kernel;
    say(NAME " kernel destroyed\n");
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_open = device_open,
                                          .device_close = device_close,
                                          .device_info = device_info};
static const dvt_kernel_def rows[] = {{.op = "add",
                                       .types = "T=f32",
                                       .min_version = 1,
                                       .max_version = 1,
                                       .prepare = prepare,
                                       .destroy = destroy}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api, .shutdown = shut_down};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
