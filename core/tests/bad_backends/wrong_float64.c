/* Adds float64 as if it were float32: right to seven digits. */
#include "kernels.h"

static dvt_status add_short(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    (void)error;
    for (int64_t i = 0; i < count(out); i++)
        put(out, i, (float)get(call->inputs[0], i) + (float)get(call->inputs[1], i));
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_short;)
