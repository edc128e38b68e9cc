/* Ends the process when it meets operands it does not like. */
#include <stdlib.h>

#include "kernels.h"

static dvt_status add_or_leave(const dvt_call *call, dvt_error *error) {
    if (count(call->outputs[0]) > 3) exit(3);
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_or_leave;)
