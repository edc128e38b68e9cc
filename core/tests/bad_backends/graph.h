/* Whole graphs on the device of device.h: runs of `add` nodes of float32 and float64 become one
 * executable. Save and load write and read one block of bytes with a key and a checksum. A bad backend
 * includes this and breaks one slot of graph_api. */
#ifndef GRAPH_H
#define GRAPH_H

#include "device.h"

#define MAGIC UINT64_C(0x31305047454D4341) /* "ACMEGP01" */
#define KEY "acme-1.2.3"
#define NONE UINT32_MAX
#define WORD 8 /* all of a saved block is in units of this */

/* One value: `count` elements that lie in an operand, a result, a constant or the workspace. */
typedef struct value {
    uint64_t count, bits;
    uint64_t input, output;         /* positions among the call's, or NONE */
    uint64_t constant_at, constant; /* byte within `constants`; whether it is one */
    uint64_t workspace_at;          /* byte within the workspace */
} value;

typedef struct sum {
    uint64_t x, y, z; /* value indices */
} sum;

/* What is saved: this head, then the values, the sums and the constants. */
typedef struct head {
    uint64_t magic, checksum; /* the checksum is that of all that follows it */
    char key[16];
    uint64_t n_values, n_sums, n_inputs, n_outputs, constant_bytes, workspace_bytes;
} head;

struct dvt_executable {
    const dvt_host *host;
    uint64_t bytes; /* of this block, for host_free */
    head *head;     /* what follows is one block, as it is saved */
    value *values;
    sum *sums;
    char *constants;
};

static inline uint64_t block_bytes(const head *h) {
    return sizeof *h + h->n_values * sizeof(value) + h->n_sums * sizeof(sum) + h->constant_bytes;
}

static inline uint64_t checksum(const head *h) {
    const unsigned char *at = (const unsigned char *)h + 2 * WORD;
    uint64_t hash = UINT64_C(14695981039346656037);
    for (uint64_t n = block_bytes(h) - 2 * WORD; n > 0; n--)
        hash = (hash ^ *at++) * UINT64_C(1099511628211);
    return hash;
}

/* Room for an executable whose head is known; null with text in error when there is none. */
static inline dvt_executable *new_executable(const dvt_host *host, const head *h,
                                             dvt_error *error) {
    uint64_t bytes = sizeof(dvt_executable) + block_bytes(h);
    dvt_executable *e = host->host_alloc(host, bytes, 64);
    if (e == NULL) {
        dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for an executable; destroy another");
        return NULL;
    }
    memset(e, 0, (size_t)bytes);
    e->host = host;
    e->bytes = bytes;
    e->head = (head *)(void *)(e + 1);
    *e->head = *h;
    e->values = (value *)(void *)(e->head + 1);
    e->sums = (sum *)(void *)(e->values + h->n_values);
    e->constants = (char *)(e->sums + h->n_sums);
    return e;
}

static inline void graph_destroy(dvt_executable *e) {
    e->host->host_free(e->host, e, e->bytes);
}

/* ---- claims ----------------------------------------------------------------------------------- */

static inline int is_sum(const dvt_graph *g, const dvt_node *n) {
    const dvt_tensor *z = &g->values[n->outputs[0]]->spec;
    if (strcmp(n->op, "add") != 0 || n->version != 1 || n->n_inputs != 2 || n->n_outputs != 1)
        return 0;
    if (z->dtype.code != DVT_FLOAT || (z->dtype.bits != 32 && z->dtype.bits != 64)) return 0;
    for (uint32_t i = 0; i < 2; i++)
        if (count(&g->values[n->inputs[i]]->spec) != count(z)) return 0;
    return 1;
}

/* Neighbours in the graph's order make a group: such a group is convex. */
static inline dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                                   dvt_error *error) {
    uint32_t group = 1;
    (void)error;
    for (uint32_t i = 0; i < desc->graph->n_nodes; i++) {
        if (is_sum(desc->graph, desc->graph->nodes[i])) {
            claims[i]->group = group;
        } else {
            claims[i]->reason = "only sums of float32 and float64 run as a graph";
            group++;
        }
    }
    return DVT_OK;
}

/* ---- compile ---------------------------------------------------------------------------------- */

static inline uint64_t room(const value *v) {
    return (v->count * v->bits / 8 + WORD - 1) / WORD * WORD;
}

static inline uint64_t position(const uint32_t *list, uint32_t n, uint32_t wanted) {
    for (uint32_t i = 0; i < n; i++)
        if (list[i] == wanted) return i;
    return NONE;
}

static inline dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                                 dvt_executable_info *info, dvt_error *error) {
    const dvt_graph *g = desc->graph;
    head h = {.magic = MAGIC,
              .key = KEY,
              .n_values = g->n_values,
              .n_sums = g->n_nodes,
              .n_inputs = g->n_inputs,
              .n_outputs = g->n_outputs};
    for (uint32_t i = 0; i < g->n_nodes; i++)
        if (!is_sum(g, g->nodes[i])) return DVT_UNSUPPORTED;
    for (uint32_t i = 0; i < g->n_values; i++) {
        const dvt_tensor *spec = &g->values[i]->spec;
        value v = {.count = (uint64_t)count(spec), .bits = spec->dtype.bits};
        if (g->values[i]->flags & DVT_VALUE_CONSTANT) h.constant_bytes += room(&v);
    }
    dvt_executable *e = new_executable(desc->host, &h, error);
    if (e == NULL) return DVT_OUT_OF_MEMORY;
    uint64_t at = 0;
    for (uint32_t i = 0; i < g->n_values; i++) {
        const dvt_tensor *spec = &g->values[i]->spec;
        value *v = &e->values[i];
        v->count = (uint64_t)count(spec);
        v->bits = spec->dtype.bits;
        v->input = position(g->inputs, g->n_inputs, i);
        v->output = position(g->outputs, g->n_outputs, i);
        v->constant = g->values[i]->flags & DVT_VALUE_CONSTANT;
        if (v->constant) {
            v->constant_at = at;
            memcpy(e->constants + at, dvt_tensor_data(spec), (size_t)(v->count * v->bits / 8));
            at += room(v);
        } else {
            v->workspace_at = e->head->workspace_bytes;
            e->head->workspace_bytes += room(v);
        }
    }
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const dvt_node *n = g->nodes[i];
        e->sums[i] = (sum){n->inputs[0], n->inputs[1], n->outputs[0]};
    }
    e->head->checksum = checksum(e->head);
    *executable = e;
    info->flags = DVT_EXECUTABLE_CONCURRENT | DVT_EXECUTABLE_CONSTANTS_COPIED;
    info->workspace_size = e->head->workspace_bytes;
    return DVT_OK;
}

/* ---- execute ---------------------------------------------------------------------------------- */

/* Where a value lies during one call. */
static inline void *place(const task *t, uint64_t number) {
    const value *v = &t->executable->values[number];
    if (v->constant) return t->executable->constants + v->constant_at;
    if (v->input != NONE) return dvt_tensor_data(&t->tensors[v->input]);
    if (v->output != NONE) return dvt_tensor_data(&t->tensors[t->n_inputs + v->output]);
    return (char *)t->workspace + v->workspace_at;
}

static inline void do_sum(const task *t, const sum *s) {
    const value *v = &t->executable->values[s->z];
    const void *x = place(t, s->x), *y = place(t, s->y);
    void *z = place(t, s->z);
    for (uint64_t i = 0; i < v->count; i++) {
        if (v->bits == 32)
            ((float *)z)[i] = ((const float *)x)[i] + ((const float *)y)[i];
        else
            ((double *)z)[i] = ((const double *)x)[i] + ((const double *)y)[i];
    }
}

static inline dvt_status do_execute(task *t, dvt_error *error) {
    (void)error;
    for (uint64_t i = 0; i < t->executable->head->n_sums; i++) do_sum(t, &t->executable->sums[i]);
    return DVT_OK;
}

static inline dvt_status enqueue(work_fn work, dvt_executable *e, const dvt_call *call,
                                 dvt_error *error) {
    task *t = new_task(work, call->inputs, call->n_inputs, call->outputs, call->n_outputs, error);
    if (t == NULL) return DVT_OUT_OF_MEMORY;
    t->executable = e;
    t->workspace = call->workspace;
    t->tag = call->tag;
    return submit(call->stream, t, error);
}

static inline dvt_status execute(dvt_executable *e, const dvt_call *call, dvt_error *error) {
    return enqueue(do_execute, e, call, error);
}

/* ---- save and load ---------------------------------------------------------------------------- */

static inline dvt_status save(dvt_executable *e, const dvt_blob *blob, dvt_error *error) {
    dvt_status status = blob->write(blob->context, e->head, block_bytes(e->head));
    return status == DVT_OK ? DVT_OK
                            : dvt_set_error(error, status, "saving: the file is not written");
}

/* The block, once its size and content are known to be good. */
static inline dvt_status adopt(const dvt_blob *blob, dvt_executable **executable,
                               dvt_executable_info *info, dvt_error *error) {
    head h;
    memcpy(&h, blob->bytes, sizeof h);
    dvt_executable *e = new_executable(blob->host, &h, error);
    if (e == NULL) return DVT_OUT_OF_MEMORY;
    memcpy(e->head, blob->bytes, (size_t)block_bytes(&h));
    *executable = e;
    info->flags = DVT_EXECUTABLE_CONCURRENT | DVT_EXECUTABLE_CONSTANTS_COPIED;
    info->workspace_size = h.workspace_bytes;
    return DVT_OK;
}

static inline int is_whole(const dvt_blob *blob) {
    head h;
    if (blob->size < sizeof h) return 0;
    memcpy(&h, blob->bytes, sizeof h);
    const uint64_t most = blob->size;
    return h.magic == MAGIC && h.n_values <= most && h.n_sums <= most && h.constant_bytes <= most &&
           block_bytes(&h) == blob->size;
}

static inline int is_intact(const dvt_blob *blob) {
    char *copy = malloc((size_t)blob->size);
    if (copy == NULL) return 0;
    memcpy(copy, blob->bytes, (size_t)blob->size);
    const head *h = (const head *)(void *)copy;
    int intact = checksum(h) == h->checksum;
    free(copy);
    return intact;
}

static inline int is_ours(const dvt_blob *blob) {
    return memcmp((const char *)blob->bytes + 2 * WORD, KEY, sizeof KEY) == 0;
}

static inline dvt_status refuse(dvt_error *error) {
    return dvt_set_error(error, DVT_INCOMPATIBLE,
                         "this was not saved by an acme-1.2.3, or is damaged; compile it again");
}

static inline dvt_status load(const dvt_blob *blob, dvt_executable **executable,
                              dvt_executable_info *info, dvt_error *error) {
    if (!is_whole(blob) || !is_ours(blob) || !is_intact(blob)) return refuse(error);
    return adopt(blob, executable, info, error);
}

static dvt_graph_api graph_api = {.struct_size = sizeof graph_api,
                                  .partition = partition,
                                  .compile = compile,
                                  .execute = execute,
                                  .destroy = graph_destroy,
                                  .save = save,
                                  .load = load};

#define GRAPH DEVICE plugin.graph = &graph_api;

#endif /* GRAPH_H */
