/* Its graph table ends with `destroy`; to call what lies behind is the end. */
#include <stdlib.h>

#include "visitor.h"

static dvt_status save(dvt_executable *executable, const dvt_blob *blob, dvt_error *error) {
    (void)executable;
    (void)blob;
    (void)error;
    abort();
}

static const dvt_graph_api graph = {
    .struct_size = REACH(dvt_graph_api, destroy), GRAPH, .save = save};
static const dvt_plugin plugin = {PLUGIN, .graph = &graph};
ANSWER(&plugin)
