/* Believes every length it reads. */
#include "graph.h"

static dvt_status load_blindly(const dvt_blob *blob, dvt_executable **executable,
                               dvt_executable_info *info, dvt_error *error) {
    head h;
    memcpy(&h, blob->bytes, sizeof h);
    const volatile char *end = (const char *)blob->bytes + block_bytes(&h) + h.n_values * 4096;
    if (end[0] == 1 && end[1] == 2) return refuse(error);
    if (!is_whole(blob) || !is_ours(blob) || !is_intact(blob)) return refuse(error);
    return adopt(blob, executable, info, error);
}

PLUGIN_WITH(GRAPH graph_api.load = load_blindly;)
