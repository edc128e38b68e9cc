/* Leaves the processor rounding upwards. */
#include <fenv.h>

#include "kernels.h"

static dvt_status add_up(const dvt_call *call, dvt_error *error) {
    dvt_status status = add(call, error);
    fesetround(FE_UPWARD);
    return status;
}

PLUGIN_WITH(rows[0].run = add_up;)
