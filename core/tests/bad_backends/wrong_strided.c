/* Says that it takes any strides, and reads every operand as if it were contiguous. */
#include "kernels.h"

static dvt_status add_flat(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    int64_t n = count(out), strides[64], step = 1;
    dvt_tensor flat[2] = {*call->inputs[0], *call->inputs[1]};
    (void)error;
    for (int32_t axis = out->ndim - 1; axis >= 0; axis--) {
        strides[axis] = step;
        step *= out->shape[axis];
    }
    flat[0].strides = flat[1].strides = strides;
    for (int64_t i = 0; i < n; i++) put(out, i, get(&flat[0], i) + get(&flat[1], i));
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_flat;)
