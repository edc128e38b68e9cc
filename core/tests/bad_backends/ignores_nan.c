/* Takes NaN for zero. */
#include "kernels.h"

static dvt_status add_numbers(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    (void)error;
    for (int64_t i = 0; i < count(out); i++) {
        double x = get(call->inputs[0], i), y = get(call->inputs[1], i);
        put(out, i, (x == x ? x : 0) + (y == y ? y : 0));
    }
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_numbers;)
