/* What a recording is replayed on: COUNT 0 is right, and every other number is one fault. */
#include <stdlib.h>
#include <unistd.h>

#include "good.h"

enum { RIGHT, SLIGHTLY_OFF, CRASHES, REFUSES, FAILS, HANGS, EXITS, CRASHES_WHILE_PREPARING };

static dvt_status faulty(const dvt_call *call, dvt_error *error) {
    dvt_status status = add(call, error);
    const dvt_tensor *out = call->outputs[0];
    float *z = dvt_tensor_data(out);
    /* Only three elements long: calls of other sizes are well. */
    if (out->ndim != 1 || out->shape[0] != 3) return status;
    switch (COUNT) {
    case SLIGHTLY_OFF:
        z[1] += 1.0f / 1024.0f;
        return status;
    case CRASHES:
        abort();
    case FAILS:
        return dvt_set_error(error, DVT_INTERNAL, "the chip says no; ask it nicely");
    case HANGS:
        for (;;) pause();
    case EXITS:
        exit(3);
    default:
        return status;
    }
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *out = op->outputs[0];
    (void)error;
    if (out->ndim != 1 || out->shape[0] != 3) return DVT_OK;
    if (COUNT == CRASHES_WHILE_PREPARING) abort();
    if (COUNT != REFUSES) return DVT_OK;
    info->reason = "three is not its number";
    return DVT_UNSUPPORTED;
}

static const dvt_kernel_def rows[] = {{.op = "add",
                                       .types = "T=f32",
                                       .min_version = 1,
                                       .max_version = 1,
                                       .run = faulty,
                                       .prepare = prepare}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
