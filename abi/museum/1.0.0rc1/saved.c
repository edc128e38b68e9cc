/* A backend of 1.0.0rc1 with a graph table that has no partition slot, so that it is offered whole graphs,
 * and that saves and loads what it compiled: sums of two inputs. Built with that header and nothing
 * else; never edited. */
#include <stdlib.h>
#include <string.h>

#include "dovetail.h"

#define KEY "sum of two, 1"

struct dvt_executable {
    uint64_t n; /* elements */
};

static dvt_status make(uint64_t n, dvt_executable **executable, dvt_executable_info *info,
                       dvt_error *error) {
    dvt_executable *x = malloc(sizeof *x);
    if (x == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to compile");
    x->n = n;
    info->description = "one addition";
    *executable = x;
    return DVT_OK;
}

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    const dvt_graph *g = desc->graph;
    uint64_t n = 1;
    if (g->n_nodes != 1 || strcmp(g->nodes[0]->op, "add") != 0 || g->n_inputs != 2 ||
        g->n_outputs != 1)
        return dvt_set_error(error, DVT_UNSUPPORTED, "one addition of two inputs alone");
    for (uint32_t i = 0; i < 2; i++) {
        const dvt_tensor *t = &g->values[g->inputs[i]]->spec;
        if (t->dtype.code != DVT_FLOAT || t->dtype.bits != 32) return DVT_UNSUPPORTED;
        n = 1;
        for (int32_t d = 0; d < t->ndim; d++) n *= (uint64_t)t->shape[d];
    }
    return make(n, executable, info, error);
}

static dvt_status execute(dvt_executable *x, const dvt_call *call, dvt_error *error) {
    const float *a = dvt_tensor_data(call->inputs[0]), *b = dvt_tensor_data(call->inputs[1]);
    float *z = dvt_tensor_data(call->outputs[0]);
    (void)error;
    for (uint64_t i = 0; i < x->n; i++) z[i] = a[i] + b[i];
    return DVT_OK;
}

static void destroy(dvt_executable *x) {
    free(x);
}

static dvt_status save(dvt_executable *x, const dvt_blob *blob, dvt_error *error) {
    dvt_status status = blob->write(blob->context, KEY, sizeof KEY);
    if (status == DVT_OK) status = blob->write(blob->context, &x->n, sizeof x->n);
    return status == DVT_OK ? DVT_OK : dvt_set_error(error, status, "writing failed");
}

static dvt_status load(const dvt_blob *blob, dvt_executable **executable, dvt_executable_info *info,
                       dvt_error *error) {
    uint64_t n;
    if (blob->size != sizeof KEY + sizeof n || memcmp(blob->bytes, KEY, sizeof KEY) != 0)
        return dvt_set_error(error, DVT_INCOMPATIBLE, "these bytes are of another chip");
    memcpy(&n, (const char *)blob->bytes + sizeof KEY, sizeof n);
    return make(n, executable, info, error);
}

static const dvt_graph_api graph_api = {.struct_size = sizeof graph_api,
                                        .compile = compile,
                                        .execute = execute,
                                        .destroy = destroy,
                                        .save = save,
                                        .load = load};
static const dvt_plugin plugin = {.struct_size = sizeof plugin,
                                  .abi_version = DVT_ABI_VERSION,
                                  .abi_required = 65536,
                                  .name = "saved",
                                  .version = "1.0.0rc1",
                                  .graph = &graph_api};

const dvt_plugin *dvt_plugin_query(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
