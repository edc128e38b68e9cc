/* Its kernel fails in the middle of its work. */
#include "good.h"

static dvt_status fail(const dvt_call *call, dvt_error *error) {
    *(float *)dvt_tensor_data(call->outputs[0]) = 1;
    error->native_code = 700;
    return dvt_set_error(error, DVT_INTERNAL, "the second multiplier is on fire; cool it");
}

static const dvt_kernel_def rows[] = {
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = fail}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    return &plugin;
}
