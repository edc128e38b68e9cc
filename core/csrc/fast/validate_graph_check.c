/* Graphs that the host hands down: sizes, indices, one definition per value and an order that respects
 * dependence. */
#include "validate_graph_check.h"

#include <stdlib.h>

static bool check_value(dvv_frame *f, const dvt_graph *g, uint32_t index) {
    const dvt_value *value = g->values[index];
    if (value == NULL || value->struct_size != sizeof *value) {
        dvv_blame_host(f, "value %u of the graph is null or has a wrong struct_size", index);
        return false;
    }
    const dvt_tensor *spec = &value->spec;
    if (spec->ndim < 0 || spec->ndim > 64 ||
        (spec->ndim > 0 && (spec->shape == NULL || spec->strides == NULL)) ||
        spec->dtype.bits == 0) {
        dvv_blame_host(f, "value %u of the graph has no possible type or shape", index);
        return false;
    }
    bool symbolic = false;
    for (int32_t d = 0; d < spec->ndim; d++) {
        int64_t n = spec->shape[d];
        if (n < -(int64_t)g->n_symbols) {
            dvv_blame_host(f, "value %u refers to symbol %lld of %u", index, (long long)(-n - 1),
                           g->n_symbols);
            return false;
        }
        symbolic = symbolic || n < 0;
    }
    dvv_span span;
    bool constant = (value->flags & DVT_VALUE_CONSTANT) != 0;
    if (constant && (symbolic || !dvv_measure(spec, &span) ||
                     (span.elements > 0 && (spec->data == NULL || !span.contiguous)))) {
        dvv_blame_host(f, "the constant %u of the graph has no contiguous data", index);
        return false;
    }
    if (!constant && spec->data != NULL) {
        dvv_blame_host(f, "value %u of the graph has data, but is no constant", index);
        return false;
    }
    return true;
}

/* 1: defined */
static bool check_node(dvv_frame *f, const dvt_graph *g, uint32_t index, uint8_t *defined) {
    const dvt_node *node = g->nodes[index];
    if (node == NULL || node->struct_size != sizeof *node || node->op == NULL) {
        dvv_blame_host(f, "node %u of the graph is null, has a wrong struct_size or names no op",
                       index);
        return false;
    }
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] >= g->n_values || !defined[node->inputs[i]]) {
            dvv_blame_host(f, "input %u of node %u (%s) is value %u, which no earlier node defines",
                           i, index, node->op, node->inputs[i]);
            return false;
        }
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) {
        if (node->outputs[i] >= g->n_values || defined[node->outputs[i]]) {
            dvv_blame_host(f,
                           "output %u of node %u (%s) is value %u, which is defined already or is "
                           "not there",
                           i, index, node->op, node->outputs[i]);
            return false;
        }
        defined[node->outputs[i]] = 1;
    }
    return true;
}

static bool check_order(dvv_frame *f, const dvt_graph *g, uint8_t *defined) {
    for (uint32_t i = 0; i < g->n_values; i++) {
        if (!check_value(f, g, i)) return false;
        defined[i] = (g->values[i]->flags & DVT_VALUE_CONSTANT) != 0;
    }
    for (uint32_t i = 0; i < g->n_inputs; i++) {
        if (g->inputs[i] >= g->n_values) {
            dvv_blame_host(f, "input %u of the graph is value %u of %u", i, g->inputs[i],
                           g->n_values);
            return false;
        }
        defined[g->inputs[i]] = 1;
    }
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!check_node(f, g, i, defined)) return false;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        if (g->outputs[i] < g->n_values && defined[g->outputs[i]]) continue;
        dvv_blame_host(f, "output %u of the graph is value %u, which nothing defines", i,
                       g->outputs[i]);
        return false;
    }
    return true;
}

bool dvv_check_graph(dvv_frame *f, const dvt_graph *g) {
    dvv_count(f->layer, DVV_GRAPHS);
    if (g == NULL) {
        dvv_blame_host(f, "dvt_compile_desc.graph is null");
        return false;
    }
    dvv_check_desc(f, "dvt_graph", g->struct_size, sizeof *g, g->ext);
    uint8_t *defined = calloc((size_t)g->n_values + 1, 1);
    if (defined == NULL) return true; /* no memory to look: not the host's fault */
    bool good = check_order(f, g, defined);
    free(defined);
    return good && atomic_load(&f->found) == 0;
}
