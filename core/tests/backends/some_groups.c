/* Takes products of float32 arrays of one shape, all in one group but the graph's last node, which it
 * claims for itself and then refuses: a group of one is too few. It says why it leaves the others. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "good.h"

#define MOST 16

struct dvt_executable {
    uint32_t n_nodes, inputs[MOST][2], outputs[MOST];
    uint32_t n_values, ins[MOST], outs[MOST];
    float *values;
    int64_t n;
    char description[40];
};

static int64_t size(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t d = 0; d < t->ndim; d++) n *= t->shape[d];
    return n;
}

static dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error) {
    const dvt_graph *g = desc->graph;
    (void)error;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        claims[i]->group = strcmp(g->nodes[i]->op, "multiply") != 0 ? 0
                           : i + 1 < g->n_nodes                     ? 1
                                                                    : 2;
        if (claims[i]->group == 0) claims[i]->reason = "it multiplies alone";
    }
    return DVT_OK;
}

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    const dvt_graph *g = desc->graph;
    if (g->n_nodes < 2) return dvt_set_error(error, DVT_UNSUPPORTED, "one product is too few");
    struct dvt_executable *x = calloc(1, sizeof *x);
    if (x == NULL || g->n_nodes > MOST || g->n_inputs > MOST || g->n_outputs > MOST) {
        free(x);
        return dvt_set_error(error, DVT_UNSUPPORTED, "a group is too large");
    }
    x->n = size(&g->values[g->outputs[0]]->spec);
    x->n_nodes = g->n_nodes;
    x->n_values = g->n_values;
    x->values = calloc(g->n_values * (size_t)x->n + 1, sizeof(float));
    memcpy(x->ins, g->inputs, g->n_inputs * sizeof *x->ins);
    memcpy(x->outs, g->outputs, g->n_outputs * sizeof *x->outs);
    for (uint32_t i = 0; x->values != NULL && i < g->n_nodes; i++) {
        memcpy(x->inputs[i], g->nodes[i]->inputs, 2 * sizeof(uint32_t));
        x->outputs[i] = g->nodes[i]->outputs[0];
    }
    for (uint32_t i = 0; x->values != NULL && i < g->n_values; i++)
        if (g->values[i]->flags & DVT_VALUE_CONSTANT)
            memcpy(x->values + i * x->n, dvt_tensor_data(&g->values[i]->spec), (size_t)x->n * 4);
    snprintf(x->description, sizeof x->description, "%u products in one", g->n_nodes);
    info->description = x->description;
    *executable = x;
    return x->values != NULL ? DVT_OK : dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory");
}

static dvt_status execute(dvt_executable *x, const dvt_call *call, dvt_error *error) {
    size_t bytes = (size_t)x->n * sizeof(float);
    (void)error;
    for (uint32_t i = 0; i < call->n_inputs; i++)
        memcpy(x->values + x->ins[i] * x->n, dvt_tensor_data(call->inputs[i]), bytes);
    for (uint32_t i = 0; i < x->n_nodes; i++) {
        const float *a = x->values + x->inputs[i][0] * x->n,
                    *b = x->values + x->inputs[i][1] * x->n;
        for (int64_t k = 0; k < x->n; k++) x->values[x->outputs[i] * x->n + k] = a[k] * b[k];
    }
    for (uint32_t i = 0; i < call->n_outputs; i++)
        memcpy(dvt_tensor_data(call->outputs[i]), x->values + x->outs[i] * x->n, bytes);
    return DVT_OK;
}

static void destroy(dvt_executable *x) {
    free(x->values);
    free(x);
}

static const dvt_graph_api graph_api = {.struct_size = sizeof graph_api,
                                        .partition = partition,
                                        .compile = compile,
                                        .execute = execute,
                                        .destroy = destroy};
static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .graph = &graph_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
