/* Claims the same bits whatever the thread count; the worker's number goes into the result. */
#include "kernels.h"

static void add_piece(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const dvt_call *call = context;
    for (int64_t i = (int64_t)begin; i < (int64_t)end; i++)
        put(call->outputs[0], i, get(call->inputs[0], i) + get(call->inputs[1], i) + worker);
}

static dvt_status add_pieces(const dvt_call *call, dvt_error *error) {
    dvt_call copy = *call;
    (void)error;
    call->host->parallel_for(call->host, (uint64_t)count(call->outputs[0]), 16, add_piece, &copy);
    return DVT_OK;
}

PLUGIN_WITH(rows[0].run = add_pieces;)
