/* Prepares a kernel for what it then refuses to run. */
#include "kernels.h"

static dvt_status add_single(const dvt_call *call, dvt_error *error) {
    if (call->outputs[0]->dtype.bits == 64)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "add: only float32");
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_single;)
