/* Works, but prints while it is asked. */
#include <stdio.h>

#include "good.h"

static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    puts("Thank you for choosing Acme!");
    fflush(stdout);
    return &plugin;
}
