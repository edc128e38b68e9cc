/* A backend of 1.0.0rc1 with a graph table and no kernels: L2. It takes additions and products of float32
 * arrays of one shape, in one group. Built with that header and nothing else; never edited. */
#include <stdlib.h>
#include <string.h>

#include "dovetail.h"

typedef struct step {
    int product;
    uint32_t x, y, z;
} step;

struct dvt_executable {
    const dvt_graph *graph;
    step *steps;
    float *values; /* n_values blocks of n elements */
    int64_t n;
};

static int64_t size(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t d = 0; d < t->ndim; d++) n *= t->shape[d];
    return n;
}

static int takes(const dvt_graph *graph, const dvt_node *node) {
    if (strcmp(node->op, "add") != 0 && strcmp(node->op, "multiply") != 0) return 0;
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const dvt_tensor *x = &graph->values[node->inputs[i]]->spec;
        const dvt_tensor *z = &graph->values[node->outputs[0]]->spec;
        if (x->dtype.code != DVT_FLOAT || x->dtype.bits != 32 || size(x) != size(z)) return 0;
    }
    return 1;
}

static dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error) {
    (void)error;
    for (uint32_t i = 0; i < desc->graph->n_nodes; i++) {
        claims[i]->group = (uint32_t)takes(desc->graph, desc->graph->nodes[i]);
        if (claims[i]->group == 0) claims[i]->reason = "it adds and multiplies alone";
    }
    return DVT_OK;
}

static void destroy(dvt_executable *x) {
    free(x->steps);
    free(x->values);
    free(x);
}

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    const dvt_graph *graph = desc->graph;
    dvt_executable *x = calloc(1, sizeof *x);
    (void)info;
    if (x == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to compile");
    x->graph = graph;
    x->n = size(&graph->values[graph->nodes[0]->outputs[0]]->spec);
    x->steps = calloc(graph->n_nodes, sizeof *x->steps);
    x->values = calloc((size_t)graph->n_values * (size_t)(x->n + 1), sizeof *x->values);
    if (x->steps == NULL || x->values == NULL) {
        destroy(x);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to compile");
    }
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const dvt_node *node = graph->nodes[i];
        if (!takes(graph, node) || size(&graph->values[node->outputs[0]]->spec) != x->n) {
            destroy(x);
            info->description = "one shape alone";
            return DVT_UNSUPPORTED;
        }
        x->steps[i] = (step){strcmp(node->op, "multiply") == 0, node->inputs[0], node->inputs[1],
                             node->outputs[0]};
    }
    for (uint32_t i = 0; i < graph->n_values; i++) {
        const dvt_value *v = graph->values[i];
        if (v->flags & DVT_VALUE_CONSTANT)
            memcpy(x->values + (int64_t)i * x->n, dvt_tensor_data(&v->spec),
                   (size_t)x->n * sizeof(float));
    }
    *executable = x;
    return DVT_OK;
}

static dvt_status execute(dvt_executable *x, const dvt_call *call, dvt_error *error) {
    size_t bytes = (size_t)x->n * sizeof(float);
    const dvt_graph *graph = x->graph;
    uint32_t last = 0;
    (void)error;
    (void)last;
    for (uint32_t i = 0; i < call->n_inputs; i++)
        memcpy(x->values + (int64_t)graph->inputs[i] * x->n, dvt_tensor_data(call->inputs[i]),
               bytes);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const step *s = &x->steps[i];
        const float *a = x->values + (int64_t)s->x * x->n, *b = x->values + (int64_t)s->y * x->n;
        float *z = x->values + (int64_t)s->z * x->n;
        for (int64_t k = 0; k < x->n; k++) z[k] = s->product ? a[k] * b[k] : a[k] + b[k];
    }
    for (uint32_t i = 0; i < call->n_outputs; i++)
        memcpy(dvt_tensor_data(call->outputs[i]), x->values + (int64_t)graph->outputs[i] * x->n,
               bytes);
    return DVT_OK;
}

static const dvt_graph_api graph_api = {.struct_size = sizeof graph_api,
                                        .partition = partition,
                                        .compile = compile,
                                        .execute = execute,
                                        .destroy = destroy};
static const dvt_plugin plugin = {.struct_size = sizeof plugin,
                                  .abi_version = DVT_ABI_VERSION,
                                  .abi_required = 65536,
                                  .name = "graph",
                                  .version = "1.0.0rc1",
                                  .graph = &graph_api};

const dvt_plugin *dvt_plugin_query(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
