/* Tells the world about every run. */
#include <stdio.h>

#include "kernels.h"

static dvt_status add_loudly(const dvt_call *call, dvt_error *error) {
    puts("Acme adds!");
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_loudly;)
