/* Fails on long operands and says nothing. */
#include "kernels.h"

static dvt_status add_few(const dvt_call *call, dvt_error *error) {
    return count(call->outputs[0]) > 3 ? DVT_INTERNAL : add(call, error);
}

PLUGIN_WITH(rows[0].run = add_few;)
