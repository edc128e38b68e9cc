/* Takes an array without axes for an empty one. */
#include "kernels.h"

static dvt_status add_axes(const dvt_call *call, dvt_error *error) {
    if (call->outputs[0]->ndim > 0) return add(call, error);
    put(call->outputs[0], 0, 0);
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_axes;)
