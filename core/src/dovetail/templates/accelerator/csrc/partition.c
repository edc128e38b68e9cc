/* Which nodes of a graph become programs: connected element-wise nodes of one shape and type.
 *
 * Groups must be convex: no path may leave a group and come back. Every node gets a level: the highest
 * of its producers', and one more across an edge that cannot lie inside a group. Along a path levels
 * never fall, so a path that leaves a group of one level cannot return to it; connected nodes of equal
 * level are therefore convex, and as large as levels allow. */
#include <stdlib.h>
#include <string.h>

#include "program.h"

#define NOBODY UINT32_MAX

typedef struct search {
    const dvt_graph *graph;
    uint32_t *producer;              /* of a value: the node that makes it */
    uint32_t *level, *leader, *size; /* of a node; leader: a forest of groups */
    bool *fits;                      /* of a node */
} search;

static const dvt_tensor *spec(const dvt_graph *g, uint32_t value) {
    return &g->values[value]->spec;
}

static bool alike(const dvt_tensor *a, const dvt_tensor *b) {
    if (a->ndim != b->ndim || a->dtype.code != b->dtype.code || a->dtype.bits != b->dtype.bits)
        return false;
    for (int32_t d = 0; d < a->ndim; d++)
        if (a->shape[d] != b->shape[d]) return false;
    return true;
}

const char *partition_refusal(const dvt_graph *graph, const dvt_node *node) {
    const element_op *op = element_find(node->op, node->version);
    if (op == NULL) return "it is not element-wise arithmetic, of which programs consist";
    if (node->n_inputs != op->n_inputs || node->n_outputs != 1)
        return "it has another number of operands than its record";
    const dvt_tensor *z = spec(graph, node->outputs[0]);
    const element_type type = element_type_of(z->dtype);
    if (type == N_TYPES || op->compute[type] == NULL)
        return "programs compute it in f32 and f64, or also in i32 and i64, alone";
    for (int32_t d = 0; d < z->ndim; d++)
        if (z->shape[d] < 0) return "programs need extents that are known before they run";
    for (uint32_t i = 0; i < node->n_inputs; i++)
        if (!alike(spec(graph, node->inputs[i]), z))
            return "its operands have not the shape and type of its result";
    return NULL;
}

static uint32_t leader(search *s, uint32_t node) {
    while (s->leader[node] != node) {
        s->leader[node] = s->leader[s->leader[node]];
        node = s->leader[node];
    }
    return node;
}

/* Whether the edge from producer p to node n may lie inside a group. Nodes that fit have operands of
 * one shape and type, so the edge's value tells both. */
static bool may_join(const search *s, uint32_t p, uint32_t n) {
    return s->fits[p] && s->fits[n];
}

static void visit(search *s, uint32_t n) {
    const dvt_node *node = s->graph->nodes[n];
    s->leader[n] = n;
    s->size[n] = 1;
    s->fits[n] = partition_refusal(s->graph, node) == NULL;
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const uint32_t p = s->producer[node->inputs[i]];
        if (p == NOBODY) continue;
        const uint32_t least = s->level[p] + (may_join(s, p, n) ? 0 : 1);
        if (least > s->level[n]) s->level[n] = least;
    }
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const uint32_t p = s->producer[node->inputs[i]];
        if (p == NOBODY || !may_join(s, p, n) || s->level[p] != s->level[n]) continue;
        const uint32_t a = leader(s, p), b = leader(s, n);
        if (a == b) continue;
        s->leader[b] = a;
        s->size[a] += s->size[b];
    }
    for (uint32_t i = 0; i < node->n_outputs; i++) s->producer[node->outputs[i]] = n;
}

dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims, dvt_error *error) {
    const dvt_graph *g = desc->graph;
    const size_t nodes = g->n_nodes, values = g->n_values;
    uint32_t *numbers = calloc(values + 4 * nodes + 1, sizeof *numbers), next = 0;
    bool *fits = calloc(nodes + 1, sizeof *fits);
    if (numbers == NULL || fits == NULL) {
        free(numbers);
        free(fits);
        return fail(error, DVT_OUT_OF_MEMORY, "partition: no host memory for %u nodes", g->n_nodes);
    }
    uint32_t *node_numbers = numbers + values, *group = node_numbers + 3 * nodes;
    search s = {.graph = g,
                .producer = numbers,
                .level = node_numbers,
                .leader = node_numbers + nodes,
                .size = node_numbers + 2 * nodes,
                .fits = fits};
    for (size_t v = 0; v < values; v++) s.producer[v] = NOBODY;
    for (uint32_t n = 0; n < g->n_nodes; n++) visit(&s, n);
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const uint32_t first = leader(&s, n);
        if (!fits[n]) {
            claims[n]->reason = partition_refusal(g, g->nodes[n]);
        } else if (s.size[first] < 2) {
            claims[n]->reason = "alone it gains nothing: its kernel does the same";
        } else {
            if (group[first] == 0) group[first] = ++next;
            claims[n]->group = group[first];
        }
    }
    free(numbers);
    free(fits);
    return DVT_OK;
}
