/* Asks for a workspace of 64 bytes and uses 80. */
#include <string.h>

#include "kernels.h"

static dvt_status prepare_workspace(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    info->workspace_size = 64;
    return prepare(op, info, error);
}

static dvt_status add_workspace(const dvt_call *call, dvt_error *error) {
    memset(call->workspace, 1, 80);
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_workspace; rows[0].prepare = prepare_workspace;)
