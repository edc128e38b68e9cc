/* Leaves the last node of a graph out, when there are several. */
#include "graph.h"

static dvt_status do_most(task *t, dvt_error *error) {
    uint64_t n = t->executable->head->n_sums;
    (void)error;
    for (uint64_t i = 0; i < n - (n > 1); i++) do_sum(t, &t->executable->sums[i]);
    return DVT_OK;
}

static dvt_status execute_most(dvt_executable *e, const dvt_call *call, dvt_error *error) {
    return enqueue(do_most, e, call, error);
}

PLUGIN_WITH(GRAPH graph_api.execute = execute_most;)
