/* Which nodes of a graph become tile programs: connected element-wise nodes of one shape.
 *
 * Groups have to be convex. Every node gets a level: that of its producers, one more across each
 * edge that cannot lie inside a group. Along a path levels never fall, and a path that leaves a
 * group crosses such an edge; so nodes of equal level that are joined by the other edges make
 * convex groups, and one pass over the nodes is enough. */
#include "graph_partition.h"

#include <stdlib.h>
#include <string.h>

#include "tile_program.h"

#define NONE UINT32_MAX

typedef struct work {
    const dvt_graph *graph;
    uint32_t *producer; /* of a value: its node, or NONE */
    uint32_t *level;    /* of a node */
    uint32_t *parent;   /* of a node, in the forest of groups */
    uint32_t *ceiling;  /* of a node: the highest level its readers allow */
    uint32_t *ops;      /* of a root: nodes of its group that compute */
    uint8_t *eligible;  /* of a node */
} work;

static uint32_t root(work *w, uint32_t node) {
    while (w->parent[node] != node) {
        w->parent[node] = w->parent[w->parent[node]];
        node = w->parent[node];
    }
    return node;
}

static int same_shape(const dvt_tensor *a, const dvt_tensor *b) {
    return a->ndim == b->ndim &&
           (a->ndim == 0 || memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0);
}

static const dvt_tensor *result(const work *w, uint32_t node) {
    return &w->graph->values[w->graph->nodes[node]->outputs[0]]->spec;
}

static int is_static(const dvt_tensor *t) {
    for (int32_t i = 0; i < t->ndim; i++)
        if (t->shape[i] < 0) return 0;
    return 1;
}

/* Whether the edge from node p to node n may lie inside a group. */
static int joinable(const work *w, uint32_t p, uint32_t n) {
    return w->eligible[p] && w->eligible[n] && same_shape(result(w, p), result(w, n));
}

static void assign_levels(work *w, const dvt_compile_desc *desc) {
    const dvt_graph *graph = w->graph;
    dvt_device *device = desc->n_devices ? desc->devices[0] : 0;
    for (uint32_t n = 0; n < graph->n_nodes; n++) {
        const dvt_node *node = graph->nodes[n];
        const int view = dvt_tile_is_broadcast(node);
        w->parent[n] = n;
        w->eligible[n] = !view && dvt_tile_lookup(graph, node, device, desc->host) != 0 &&
                         is_static(&graph->values[node->outputs[0]]->spec);
        w->ops[n] = w->eligible[n];
        for (uint32_t i = 0; i < node->n_inputs; i++) {
            const uint32_t p = w->producer[node->inputs[i]];
            if (p == NONE) continue;
            /* A broadcast is read through: it stands on the level of the nodes that read it. */
            const int through = w->eligible[n] && dvt_tile_is_broadcast(graph->nodes[p]);
            const uint32_t level = w->level[p] + (through || joinable(w, p, n) ? 0 : 1);
            w->level[n] = level > w->level[n] ? level : w->level[n];
        }
        for (uint32_t i = 0; i < node->n_outputs; i++) w->producer[node->outputs[i]] = n;
    }
}

/* Whether a producer already holds the node on its level. */
static int held(const work *w, uint32_t n) {
    const dvt_node *node = w->graph->nodes[n];
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const uint32_t p = w->producer[node->inputs[i]];
        if (p != NONE && joinable(w, p, n) && w->level[p] == w->level[n]) return 1;
    }
    return 0;
}

/* Lift nodes that no producer holds to the level of their readers: a momentum that is scaled long
 * before its gradient is known then joins the update that reads it. What an edge demands still
 * holds, so groups stay convex. */
static void lift(work *w) {
    for (uint32_t n = 0; n < w->graph->n_nodes; n++) w->ceiling[n] = NONE;
    for (uint32_t n = w->graph->n_nodes; n-- > 0;) {
        const dvt_node *node = w->graph->nodes[n];
        const int view = dvt_tile_is_broadcast(node);
        if (w->ceiling[n] != NONE && w->ceiling[n] > w->level[n] &&
            (view || (w->eligible[n] && !held(w, n))))
            w->level[n] = w->ceiling[n];
        for (uint32_t i = 0; i < node->n_inputs; i++) {
            const uint32_t p = w->producer[node->inputs[i]];
            if (p == NONE) continue;
            const int through = w->eligible[n] && dvt_tile_is_broadcast(w->graph->nodes[p]);
            const uint32_t below = through || joinable(w, p, n) ? 0 : 1;
            const uint32_t ceiling = w->level[n] > below ? w->level[n] - below : 0;
            w->ceiling[p] = ceiling < w->ceiling[p] ? ceiling : w->ceiling[p];
        }
    }
}

static void join(work *w) {
    for (uint32_t n = 0; n < w->graph->n_nodes; n++) {
        const dvt_node *node = w->graph->nodes[n];
        for (uint32_t i = 0; i < node->n_inputs; i++) {
            const uint32_t p = w->producer[node->inputs[i]];
            if (p == NONE || !joinable(w, p, n) || w->level[p] != w->level[n]) continue;
            const uint32_t a = root(w, p), b = root(w, n);
            if (a == b) continue;
            w->parent[b] = a;
            w->ops[a] += w->ops[b];
        }
    }
}

/* A broadcast belongs to a group when nothing else reads it: the group then reads its input with
 * stride 0. home[n]: the one group that reads node n, NONE before the first reader. */
static void attach_broadcasts(work *w, uint32_t *home, uint8_t *outside) {
    const dvt_graph *graph = w->graph;
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        if (w->producer[graph->outputs[i]] != NONE) outside[w->producer[graph->outputs[i]]] = 1;
    for (uint32_t n = 0; n < graph->n_nodes; n++)
        for (uint32_t i = 0; i < graph->nodes[n]->n_inputs; i++) {
            const uint32_t p = w->producer[graph->nodes[n]->inputs[i]];
            if (p == NONE || !dvt_tile_is_broadcast(graph->nodes[p])) continue;
            const uint32_t r = root(w, n);
            if (!w->eligible[n] || (home[p] != NONE && home[p] != r) ||
                !same_shape(result(w, p), result(w, n)))
                outside[p] = 1;
            home[p] = r;
        }
}

dvt_status dvt_cpu_partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                             dvt_error *error) {
    const dvt_graph *graph = desc->graph;
    const size_t nodes = graph->n_nodes, values = graph->n_values;
    uint32_t *memory = calloc(values + 6 * nodes + 1, sizeof *memory);
    uint8_t *flags = calloc(2 * nodes + 1, 1);
    if (!memory || !flags) {
        free(memory);
        free(flags);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY,
                             "the CPU device found no memory to look for groups in a graph");
    }
    work w = {.graph = graph,
              .producer = memory,
              .level = memory + values,
              .parent = memory + values + nodes,
              .ops = memory + values + 2 * nodes,
              .ceiling = memory + values + 5 * nodes,
              .eligible = flags};
    uint32_t *home = memory + values + 3 * nodes, *number = home + nodes, next = 0;
    uint8_t *outside = flags + nodes;
    for (size_t v = 0; v < values; v++) w.producer[v] = NONE;
    for (size_t n = 0; n < nodes; n++) home[n] = NONE;
    assign_levels(&w, desc);
    lift(&w);
    join(&w);
    attach_broadcasts(&w, home, outside);
    for (uint32_t n = 0; n < nodes; n++) {
        const int view = dvt_tile_is_broadcast(graph->nodes[n]);
        const uint32_t r = view ? home[n] : root(&w, n);
        if (view && (r == NONE || outside[n])) {
            claims[n]->reason = "a view needs no code";
        } else if (!view && !w.eligible[n]) {
            claims[n]->reason = "only element-wise nodes are joined into tile programs";
        } else if (w.ops[r] < 2) {
            claims[n]->reason = "a single element-wise node gains nothing from a tile program";
        } else {
            if (number[r] == 0) number[r] = ++next;
            claims[n]->group = number[r];
        }
    }
    free(memory);
    free(flags);
    return DVT_OK;
}
