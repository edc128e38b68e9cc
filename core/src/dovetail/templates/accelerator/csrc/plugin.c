/* The plugin: its tables, and the one symbol it exports. */
#include "kernel.h"
#include "program.h"

/* `kernels` and the rest are constants: a plugin has nothing to set up, and may be asked twice. */
static const dvt_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = DEVICE_WORD,
    .version = DEVICE_VERSION,
    .vendor = "Dovetail",
    .kernels = kernel_rows,
    .n_kernels = N_KERNEL_ROWS,
    .kernel_def_size = sizeof kernel_rows[0],
    .device = &device_api,
    .graph = &graph_api,
};

const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
