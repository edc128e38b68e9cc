/* Keeps the operands of a call where the next thread keeps its own. */
#include "kernels.h"

static dvt_call scratch;

static dvt_status add_shared(const dvt_call *call, dvt_error *error) {
    (void)error;
    scratch = *call;
    for (int64_t i = 0, n = count(call->outputs[0]); i < n; i++) {
        const volatile dvt_call *shared = &scratch;
        put(call->outputs[0], i, get(shared->inputs[0], i) + get(call->inputs[1], i));
    }
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_shared;)
