/* Writes one element more than there is. */
#include "kernels.h"

static dvt_status add_more(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    volatile char *end = (char *)dvt_tensor_data(out) + count(out) * (out->dtype.bits / 8);
    dvt_status status = add(call, error);
    for (int i = 0; i < out->dtype.bits / 8; i++) end[i] = 1;
    return status;
}

PLUGIN_WITH(rows[0].run = add_more;)
