/* Built for ABI 1.9, needs it, and does not check what the host serves. */
#include "good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};

QUERY {
    static dvt_plugin plugin = {GOOD_PLUGIN(rows)};
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    plugin.abi_version = 65536 + 9;
    plugin.abi_required = 65536 + 9;
    return &plugin;
}
