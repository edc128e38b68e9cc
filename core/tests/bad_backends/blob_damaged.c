/* Takes its own word for what it loads: no checksum. */
#include "graph.h"

static dvt_status load_trusting(const dvt_blob *blob, dvt_executable **executable,
                                dvt_executable_info *info, dvt_error *error) {
    if (!is_whole(blob) || !is_ours(blob)) return refuse(error);
    return adopt(blob, executable, info, error);
}

/* Indices that would lead outside are taken for the first value: this one gives wrong numbers. */
static dvt_status execute_within(dvt_executable *e, const dvt_call *call, dvt_error *error) {
    head *h = e->head;
    for (uint64_t i = 0; i < h->n_sums; i++) {
        sum *s = &e->sums[i];
        if (s->x >= h->n_values) s->x = 0;
        if (s->y >= h->n_values) s->y = 0;
        if (s->z >= h->n_values) return DVT_OK;
    }
    for (uint64_t i = 0; i < h->n_values; i++) {
        value *v = &e->values[i];
        const dvt_tensor *first = call->outputs[0];
        if (v->count > (uint64_t)count(first)) v->count = (uint64_t)count(first);
        v->bits = first->dtype.bits;
        if (v->constant_at + room(v) > h->constant_bytes) v->constant_at = 0;
        if (v->workspace_at + room(v) > call->workspace_size) v->workspace_at = 0;
        if (v->input >= call->n_inputs) v->input = NONE;
        if (v->output >= call->n_outputs) v->output = NONE;
        if (v->constant != 0 && h->constant_bytes == 0) v->constant = 0;
    }
    return enqueue(do_execute, e, call, error);
}

PLUGIN_WITH(GRAPH graph_api.load = load_trusting; graph_api.execute = execute_within;)
