/* Allows the output to lie in the memory of an operand, and clears it before anything is read. */
#include "kernels.h"

static dvt_status prepare_in_place(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    info->may_alias = 3;
    return prepare(op, info, error);
}

static dvt_status add_cleared(const dvt_call *call, dvt_error *error) {
    for (int64_t i = 0, n = count(call->outputs[0]); i < n; i++) put(call->outputs[0], i, 0);
    return add(call, error);
}

PLUGIN_WITH(rows[0].prepare = prepare_in_place; rows[0].run = add_cleared;)
