/* Wants every sum, and compiles none of float64. */
#include "graph.h"

static dvt_status compile_few(const dvt_compile_desc *desc, dvt_executable **executable,
                              dvt_executable_info *info, dvt_error *error) {
    for (uint32_t i = 0; i < desc->graph->n_values; i++)
        if (desc->graph->values[i]->spec.dtype.bits == 64) return DVT_UNSUPPORTED;
    return compile(desc, executable, info, error);
}

PLUGIN_WITH(GRAPH graph_api.compile = compile_few;)
