/* Claims nothing about its bits, and every third call is an ulp off. */
#include <math.h>
#include <stdatomic.h>

#include "kernels.h"

static atomic_uint calls;

static dvt_status prepare_loosely(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    dvt_status status = prepare(op, info, error);
    info->flags = 0;
    return status;
}

static dvt_status add_about(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    dvt_status status = add(call, error);
    if (atomic_fetch_add(&calls, 1) % 3 == 2)
        for (int64_t i = 0; i < count(out); i++)
            put(out, i,
                out->dtype.bits == 32 ? (double)nextafterf((float)get(out, i), INFINITY)
                                      : nextafter(get(out, i), INFINITY));
    return status;
}

PLUGIN_WITH(rows[0].run = add_about; rows[0].prepare = prepare_loosely;)
