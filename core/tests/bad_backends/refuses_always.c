/* Has a row for add and answers UNSUPPORTED to every question. */
#include "kernels.h"

static dvt_status prepare_never(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)op;
    (void)error;
    info->reason = "not today";
    return DVT_UNSUPPORTED;
}

PLUGIN_WITH(rows[0].prepare = prepare_never;)
