/* Its executables fail and do not say why. */
#include "graph.h"

static dvt_status execute_mute(dvt_executable *e, const dvt_call *call, dvt_error *error) {
    (void)e;
    (void)call;
    (void)error;
    return DVT_INTERNAL;
}

PLUGIN_WITH(GRAPH graph_api.execute = execute_mute;)
