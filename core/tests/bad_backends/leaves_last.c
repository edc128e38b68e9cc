/* Never writes the last element. */
#include "kernels.h"

static dvt_status add_less(const dvt_call *call, dvt_error *error) {
    (void)error;
    add_range(call, 0, count(call->outputs[0]) - 1);
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_less;)
