/* Follows a null pointer. */
#include "kernels.h"

static dvt_status add_nothing(const dvt_call *call, dvt_error *error) {
    const dvt_call *volatile nothing = NULL;
    (void)call;
    return add(nothing, error);
}

PLUGIN_WITH(rows[0].run = add_nothing;)
