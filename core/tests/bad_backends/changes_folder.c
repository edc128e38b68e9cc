/* Goes elsewhere to look for its files. */
#include <unistd.h>

#include "kernels.h"

static dvt_status add_elsewhere(const dvt_call *call, dvt_error *error) {
    (void)!chdir("/");
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_elsewhere;)
