/* Its graph table has two slots of the future. */
#include "visitor.h"

static const struct {
    dvt_graph_api api;
    void *future[2];
} graph = {{.struct_size = sizeof graph, GRAPH}, {GARBAGE, GARBAGE}};
static const dvt_plugin plugin = {PLUGIN, .graph = &graph.api};
ANSWER(&plugin)
