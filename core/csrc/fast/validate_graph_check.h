/* Whether a dvt_graph is what the header says. */
#ifndef DVF_VALIDATE_GRAPH_CHECK_H
#define DVF_VALIDATE_GRAPH_CHECK_H

#include "validate.h"

/* False after a finding against the host. */
bool dvv_check_graph(dvv_frame *frame, const dvt_graph *graph);

#endif
