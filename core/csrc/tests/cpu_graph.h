/* Graphs for the tests of tile programs, built value by value. */
#ifndef DVT_TESTS_CPU_GRAPH_H
#define DVT_TESTS_CPU_GRAPH_H

#include "cpu_products_host.h"

#define MOST 40 /* values of a graph */

typedef struct graph {
    dvt_graph g;
    dvt_value values[MOST];
    dvt_node nodes[MOST];
    const dvt_value *value_list[MOST];
    const dvt_node *node_list[MOST];
    uint32_t inputs[MOST], outputs[MOST], operands[MOST][3], result[MOST];
    int64_t shapes[MOST][AXES], strides[MOST][AXES];
} graph;

static inline void start(graph *x) {
    memset(x, 0, sizeof *x);
    x->g = (dvt_graph){.struct_size = sizeof(dvt_graph),
                       .nodes = x->node_list,
                       .values = x->value_list,
                       .inputs = x->inputs,
                       .outputs = x->outputs};
}

static inline uint32_t add_value(graph *x, dvt_type type, int32_t ndim, const int64_t *shape) {
    const uint32_t v = x->g.n_values++;
    int64_t stride = 1;
    CHECK(v < MOST);
    for (int32_t i = ndim; i-- > 0;) {
        x->shapes[v][i] = shape[i];
        x->strides[v][i] = stride;
        stride *= shape[i];
    }
    x->values[v] = (dvt_value){
        .struct_size = sizeof(dvt_value),
        .spec = {
            .ndim = ndim, .dtype = dtypes[type], .shape = x->shapes[v], .strides = x->strides[v]}};
    x->value_list[v] = &x->values[v];
    return v;
}

static inline void add_node(graph *x, const char *op, uint32_t n_inputs, const uint32_t *inputs,
                            uint32_t output) {
    const uint32_t n = x->g.n_nodes++;
    memcpy(x->operands[n], inputs, n_inputs * sizeof *inputs);
    x->result[n] = output;
    x->nodes[n] = (dvt_node){.struct_size = sizeof(dvt_node),
                             .op = op,
                             .inputs = x->operands[n],
                             .outputs = &x->result[n],
                             .version = 1,
                             .n_inputs = n_inputs,
                             .n_outputs = 1};
    x->node_list[n] = &x->nodes[n];
}

#endif
