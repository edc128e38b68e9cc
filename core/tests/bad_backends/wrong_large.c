/* Keeps the index of an element in 16 bits where it reads the second operand. */
#include "kernels.h"

static dvt_status add_near(const dvt_call *call, dvt_error *error) {
    (void)error;
    for (int64_t i = 0, n = count(call->outputs[0]); i < n; i++)
        put(call->outputs[0], i, get(call->inputs[0], i) + get(call->inputs[1], (uint16_t)i));
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_near;)
