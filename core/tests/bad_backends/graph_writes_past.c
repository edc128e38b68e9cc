/* Its executables write one element behind the end of each result. */
#include "graph.h"

static dvt_status do_more(task *t, dvt_error *error) {
    dvt_status status = do_execute(t, error);
    for (uint32_t i = t->n_inputs; i < t->n_inputs + t->n_outputs; i++) {
        const dvt_tensor *result = &t->tensors[i];
        int64_t size = result->dtype.bits / 8;
        memset((char *)dvt_tensor_data(result) + count(result) * size, 0, (size_t)size);
    }
    return status;
}

static dvt_status execute_more(dvt_executable *e, const dvt_call *call, dvt_error *error) {
    return enqueue(do_more, e, call, error);
}

PLUGIN_WITH(GRAPH graph_api.execute = execute_more;)
