/* Counts its queries until they no longer fit; a build with -fsanitize=undefined says so. */
#include "../backends/good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};
static volatile int queries = INT32_MAX;

QUERY {
    (void)host;
    queries = queries + 1;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
