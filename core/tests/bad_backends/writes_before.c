/* Uses the place before the output as its own. */
#include "kernels.h"

static dvt_status add_before(const dvt_call *call, dvt_error *error) {
    volatile char *start = dvt_tensor_data(call->outputs[0]);
    dvt_status status = add(call, error);
    start[-1] = 1;
    return status;
}

PLUGIN_WITH(rows[0].run = add_before;)
