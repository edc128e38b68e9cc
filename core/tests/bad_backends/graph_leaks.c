/* Keeps every executable. */
#include "graph.h"

static void destroy_nothing(dvt_executable *e) {
    (void)e;
}

PLUGIN_WITH(GRAPH graph_api.destroy = destroy_nothing;)
