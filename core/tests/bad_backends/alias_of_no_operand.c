/* Says that the result of add may lie in the memory of a third operand. */
#include "kernels.h"

static dvt_status prepare_third(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    dvt_status status = prepare(op, info, error);
    info->may_alias = 1 << 2;
    return status;
}

PLUGIN_WITH(rows[0].prepare = prepare_third;)
