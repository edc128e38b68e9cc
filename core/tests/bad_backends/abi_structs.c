/* Publishes what cannot be: BAD says what. */
#include <string.h>

#include "../backends/good.h"

static dvt_status open_device(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    (void)desc;
    return dvt_set_error(error, *device == NULL ? DVT_INTERNAL : DVT_OK, "closed today");
}

static dvt_status describe(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    (void)device;
    info->name = "Acme";
    return dvt_set_error(error, DVT_OK, "");
}

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    (void)device;
    (void)desc;
    *data = NULL;
    return dvt_set_error(error, DVT_OUT_OF_MEMORY, "there is none");
}

static const void *everything(const char *name) {
    static const uint32_t table[16] = {8};
    (void)name;
    return table;
}

static const dvt_kernel_def good_rows[] = {GOOD_ROW};
static const dvt_kernel_def bad_rows[] = {
    {.op = "", .types = "T=f32", .min_version = 1, .max_version = 1, .run = add},
    {.op = "add", .types = "T:f32", .min_version = 1, .max_version = 1, .run = add},
    {.op = "add", .types = "T=f33", .min_version = 1, .max_version = 1, .run = add},
    {.op = "add", .types = "U=f32", .min_version = 1, .max_version = 1, .run = add},
    {.op = "add", .types = "T=f32", .min_version = 4, .max_version = 2, .run = add},
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1},
    {.op = "add", .types = NULL, .min_version = 1, .max_version = 1, .run = add},
    {.op = "add", .types = "T=f32", .max_version = 1, .flags = 1u << 20, .run = add},
    {.op = "add", .types = "T=f32", .max_version = 1, .host_inputs = 8, .run = add},
};
static const char *const extensions[] = {"", "nothing"};
static const dvt_device_api short_device = {.struct_size = 24};
static const dvt_device_api device = {
    .struct_size = sizeof device, .flags = 4, .device_open = open_device, .alloc = alloc};
static const dvt_device_api whole = {.struct_size = sizeof whole,
                                     .device_open = open_device,
                                     .device_info = describe,
                                     .event_create = NULL};
static dvt_plugin plugin = {GOOD_PLUGIN(good_rows)};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    if (BAD == 1) {
        plugin.kernels = bad_rows;
        plugin.n_kernels = sizeof bad_rows / sizeof bad_rows[0];
    } else if (BAD == 2) {
        plugin.name = "Acme Card";
        plugin.version = NULL;
        plugin.vendor = "\xff";
        plugin.flags = 1;
        plugin.reserved = 7;
        plugin.device = &device;
        plugin.extensions = extensions;
        plugin.n_extensions = 2;
        plugin.get_extension = everything;
    } else if (BAD == 3) {
        plugin.struct_size = sizeof plugin - 8;
        plugin.device = &short_device;
        plugin.kernel_def_size = 12;
    } else if (BAD == 4) {
        plugin.kernels = NULL;
        plugin.n_extensions = 3;
        plugin.device = &whole;
    } else if (BAD == 5) {
        plugin.n_kernels = 0;
        plugin.kernels = NULL;
    }
    return &plugin;
}
