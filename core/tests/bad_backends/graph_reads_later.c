/* Counts the nodes again at every run, in the graph that compile was given. */
#include "graph.h"

#define MOST 64

static struct {
    const dvt_executable *executable;
    const dvt_graph *graph;
} known[MOST];

static unsigned next_free;

static dvt_status compile_keeping(const dvt_compile_desc *desc, dvt_executable **executable,
                                  dvt_executable_info *info, dvt_error *error) {
    dvt_status status = compile(desc, executable, info, error);
    if (status == DVT_OK) {
        known[next_free % MOST].executable = *executable;
        known[next_free++ % MOST].graph = desc->graph;
    }
    return status;
}

static dvt_status do_again(task *t, dvt_error *error) {
    (void)error;
    for (unsigned k = next_free < MOST ? next_free : MOST; k > 0; k--) {
        if (known[k - 1].executable != t->executable) continue;
        const dvt_graph *volatile graph = known[k - 1].graph;
        for (uint64_t i = 0; i < graph->n_nodes; i++) do_sum(t, &t->executable->sums[i]);
        break;
    }
    return DVT_OK;
}

static dvt_status execute_again(dvt_executable *e, const dvt_call *call, dvt_error *error) {
    return enqueue(do_again, e, call, error);
}

PLUGIN_WITH(GRAPH graph_api.compile = compile_keeping; graph_api.execute = execute_again;
            graph_api.save = NULL; graph_api.load = NULL;)
