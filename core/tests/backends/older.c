/* From an older minor: its dvt_plugin ends before the extensions. The bytes behind it are garbage,
 * which a host must not read. */
#include "good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};

QUERY {
    static dvt_plugin plugin = {GOOD_PLUGIN(rows)};
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    plugin.struct_size = offsetof(dvt_plugin, extensions);
    plugin.extensions = (const char *const *)16;
    plugin.n_extensions = 1000;
    plugin.get_extension = (const void *(*)(const char *))16;
    return &plugin;
}
