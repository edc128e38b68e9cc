/* Logs through the host while it is asked. */
#include "good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host_min;
    (void)host_max;
    (void)error;
    host->log(host, DVT_LOG_WARNING, "the fan is loud");
    host->log(host, 99, "a level of the future");
    return &plugin;
}
