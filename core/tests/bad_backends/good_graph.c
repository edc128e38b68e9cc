/* Nothing is wrong with it. */
#include "graph.h"

PLUGIN_WITH(GRAPH)
