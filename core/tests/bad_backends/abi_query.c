/* Answers hosts wrongly: BAD says how. */
#include <string.h>

#include "../backends/good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};
static dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host;
    (void)host_min;
    (void)host_max;
    (void)error;
    if (BAD == 1) {        /* looks at nothing */
    } else if (BAD == 2) { /* wants its own version and no other; says nothing */
        if (host_max != DVT_ABI_VERSION) return NULL;
    } else if (BAD == 3) { /* takes every error for a whole one */
        if (host_max >> 16 != 1) {
            error->code = DVT_INTERNAL;
            error->struct_size = 512;
            memset(error->message, 0xff, sizeof error->message);
            return NULL;
        }
    } else if (BAD == 4) { /* each host gets another table */
        static char version[2] = "0";
        version[0]++;
        plugin.version = version;
        plugin.n_kernels = version[0] > '1' ? 0 : 1;
    } else if (BAD == 5) { /* needs 1.1 and runs on 1.0 */
        plugin.abi_version = 65537;
        plugin.abi_required = 65537;
    } else if (BAD == 6) { /* needs more than it was built with */
        plugin.abi_required = 65540;
    } else if (BAD == 7) { /* of a major that does not exist */
        plugin.abi_version = 0;
    }
    return &plugin;
}
