/* The CPU device's one exported symbol: the kernel rows of all families, the device, the graphs. */
#include <pthread.h>
#include <string.h>

#include "rows.h"

#ifndef DVT_CPU_VERSION
#define DVT_CPU_VERSION "unknown" /* CMake takes it from pyproject.toml */
#endif

static dvt_kernel_def rows[DVT_CPU_MAX_ROWS];
static dvt_plugin plugin = {
    .struct_size = sizeof(dvt_plugin),
    .abi_version = DVT_ABI_VERSION,
    .abi_required = DVT_ABI_VERSION,
    .name = "cpu",
    .version = DVT_CPU_VERSION,
    .vendor = "Dovetail",
    .kernels = rows,
    .kernel_def_size = sizeof(dvt_kernel_def),
    .device = &dvt_cpu_device_api,
    .graph = &dvt_cpu_graph_api,
};
static int complete;
static pthread_once_t once = PTHREAD_ONCE_INIT;

static int append(const dvt_kernel_def *family, uint32_t count) {
    if (count > DVT_CPU_MAX_ROWS - plugin.n_kernels) return 0;
    memcpy(rows + plugin.n_kernels, family, count * sizeof *family);
    plugin.n_kernels += count;
    return 1;
}

static void assemble(void) {
    complete = 1;
#define DVT_CPU_APPEND(family)                                                                     \
    complete = complete && append(dvt_cpu_##family##_rows, dvt_cpu_##family##_count);
    DVT_CPU_FAMILIES(DVT_CPU_APPEND)
}

DVT_EXPORT const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max,
                                              const dvt_host *host, dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, DVT_ABI_VERSION, error);
    pthread_once(&once, assemble);
    if (!complete) {
        dvt_set_error(error, DVT_INTERNAL,
                      "the CPU device has more kernel rows than its table holds: raise "
                      "DVT_CPU_MAX_ROWS in rows.h and build again");
        return NULL;
    }
    return &plugin;
}
