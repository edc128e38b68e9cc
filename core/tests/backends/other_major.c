/* Built for ABI 2.0, and answers hosts of every version. */
#include "good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};

QUERY {
    static dvt_plugin plugin = {GOOD_PLUGIN(rows)};
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    plugin.abi_version = 2 * 65536;
    plugin.abi_required = 2 * 65536;
    return &plugin;
}
