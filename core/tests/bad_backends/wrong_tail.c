/* Vectors of eight, and then a tail that subtracts. */
#include "kernels.h"

static dvt_status add_eights(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    int64_t n = count(out);
    (void)error;
    add_range(call, 0, n - n % 8);
    for (int64_t i = n - n % 8; i < n; i++)
        put(out, i, get(call->inputs[0], i) - get(call->inputs[1], i));
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_eights;)
