/* Saves, and loads nothing. */
#include "graph.h"

static dvt_status load_nothing(const dvt_blob *blob, dvt_executable **executable,
                               dvt_executable_info *info, dvt_error *error) {
    (void)blob;
    (void)executable;
    (void)info;
    return refuse(error);
}

PLUGIN_WITH(GRAPH graph_api.load = load_nothing;)
