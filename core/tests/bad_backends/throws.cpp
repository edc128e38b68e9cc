// Lets a C++ exception cross the border.
#include <stdexcept>

#include "dovetail.h"

static dvt_status add(const dvt_call *, dvt_error *) {
    throw std::runtime_error("add: out of luck");
}

static dvt_kernel_def row;
static dvt_plugin plugin;

extern "C" const dvt_plugin *dvt_plugin_query(uint32_t host_min, uint32_t host_max, const dvt_host *,
                                              dvt_error *error) {
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    row.op = "add";
    row.types = "T=f32";
    row.run = add;
    plugin.struct_size = sizeof plugin;
    plugin.abi_version = DVT_ABI_VERSION;
    plugin.abi_required = 65536;
    plugin.name = NAME;
    plugin.version = "1.2.3";
    plugin.kernels = &row;
    plugin.n_kernels = 1;
    plugin.kernel_def_size = sizeof row;
    return &plugin;
}
