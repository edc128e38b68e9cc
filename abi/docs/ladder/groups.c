/* Rung 2: whole groups of nodes. It claims float32 additions and products over one shape, compiles what it is
 * given to a list of steps, and runs it block by block, so that nothing between them goes to memory. */
#include <stdlib.h>
#include <string.h>

#include "dovetail.h"

#define BLOCK 512 /* elements of every value at a time: they stay in the nearest cache */

typedef struct step {
    int product;
    uint32_t x, y, z; /* values */
} step;

struct dvt_executable {
    const dvt_graph *graph; /* valid until destroy, with its constants */
    int64_t n;
    step steps[];
};

static int64_t size(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t axis = 0; axis < t->ndim; axis++) n *= t->shape[axis];
    return n;
}

static int same_shape(const dvt_tensor *x, const dvt_tensor *y) {
    return x->ndim == y->ndim &&
           (x->ndim == 0 || memcmp(x->shape, y->shape, (size_t)x->ndim * sizeof *x->shape) == 0);
}

/* Why a node is not wanted; null when it is. */
static const char *refusal(const dvt_graph *graph, const dvt_node *node, const dvt_tensor *like) {
    if (strcmp(node->op, "add") != 0 && strcmp(node->op, "multiply") != 0)
        return "it adds and multiplies, and does nothing else";
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const dvt_tensor *x = &graph->values[node->inputs[i]]->spec;
        if (x->dtype.code != DVT_FLOAT || x->dtype.bits != 32) return "it computes in float32";
        if (!same_shape(x, like)) return "one group has one shape";
    }
    return NULL;
}

static const dvt_tensor *result(const dvt_graph *graph, const dvt_node *node) {
    return &graph->values[node->outputs[0]]->spec;
}

static dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error) {
    const dvt_graph *graph = desc->graph;
    (void)error;
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const dvt_tensor *spec = result(graph, graph->nodes[i]);
        claims[i]->reason = refusal(graph, graph->nodes[i], spec);
        if (claims[i]->reason != NULL) continue;
        /* One group for each shape: the number of its first node. The host splits what is not convex. */
        uint32_t first;
        for (first = 0; first < i; first++)
            if (claims[first]->group == first + 1 &&
                same_shape(result(graph, graph->nodes[first]), spec))
                break;
        claims[i]->group = first + 1;
    }
    return DVT_OK;
}

static void destroy(dvt_executable *executable) {
    free(executable);
}

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    const dvt_graph *graph = desc->graph;
    dvt_executable *x = malloc(sizeof *x + graph->n_nodes * sizeof *x->steps);
    if (x == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for the steps");
    x->graph = graph;
    x->n = size(result(graph, graph->nodes[0]));
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const dvt_node *node = graph->nodes[i];
        x->steps[i] = (step){strcmp(node->op, "multiply") == 0, node->inputs[0], node->inputs[1],
                             node->outputs[0]};
    }
    /* All that changes from run to run lies in the workspace, so runs may overlap. */
    info->flags = DVT_EXECUTABLE_CONCURRENT;
    info->workspace_size = (uint64_t)graph->n_values * BLOCK * sizeof(float);
    info->description = "additions and products, block by block";
    *executable = x;
    return DVT_OK;
}

static dvt_status execute(dvt_executable *x, const dvt_call *call, dvt_error *error) {
    const dvt_graph *graph = x->graph;
    float *values = call->workspace; /* n_values blocks */
    (void)error;
    for (int64_t begin = 0; begin < x->n; begin += BLOCK) {
        int64_t n = x->n - begin < BLOCK ? x->n - begin : BLOCK;
        size_t bytes = (size_t)n * sizeof(float);
        for (uint32_t i = 0; i < graph->n_values; i++)
            if (graph->values[i]->flags & DVT_VALUE_CONSTANT)
                memcpy(values + i * BLOCK,
                       (float *)dvt_tensor_data(&graph->values[i]->spec) + begin, bytes);
        for (uint32_t i = 0; i < call->n_inputs; i++)
            memcpy(values + graph->inputs[i] * BLOCK,
                   (float *)dvt_tensor_data(call->inputs[i]) + begin, bytes);
        for (uint32_t i = 0; i < graph->n_nodes; i++) {
            const step *s = &x->steps[i];
            const float *a = values + s->x * BLOCK, *b = values + s->y * BLOCK;
            float *c = values + s->z * BLOCK;
            for (int64_t k = 0; k < n; k++) c[k] = s->product ? a[k] * b[k] : a[k] + b[k];
        }
        for (uint32_t i = 0; i < call->n_outputs; i++)
            memcpy((float *)dvt_tensor_data(call->outputs[i]) + begin,
                   values + graph->outputs[i] * BLOCK, bytes);
    }
    return DVT_OK;
}

static const dvt_graph_api graph_api = {.struct_size = sizeof graph_api,
                                        .partition = partition,
                                        .compile = compile,
                                        .execute = execute,
                                        .destroy = destroy};

static const dvt_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = "groups",
    .version = "0.1.0",
    .graph = &graph_api,
};

const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
