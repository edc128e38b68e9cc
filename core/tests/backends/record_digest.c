/* Compiles any graph; executing it writes one number into which every field of the graph, of its
 * options and of its inputs went. A replay that rebuilds anything otherwise gives another number. */
#include <stdlib.h>
#include <string.h>

#include "good.h"

typedef struct executable {
    uint64_t digest;
} executable;

static void mix(uint64_t *digest, const void *bytes, uint64_t size) {
    const unsigned char *b = bytes;
    for (uint64_t i = 0; i < size; i++) *digest = (*digest ^ b[i]) * UINT64_C(1099511628211);
}

static void mix_number(uint64_t *digest, int64_t number) {
    mix(digest, &number, sizeof number);
}

static void mix_text(uint64_t *digest, const char *text) {
    mix_number(digest, text != NULL);
    if (text != NULL) mix(digest, text, strlen(text) + 1);
}

static void mix_tensor(uint64_t *digest, const dvt_tensor *t) {
    int64_t at[8] = {0}, n = 1;
    mix_number(digest, t != NULL);
    if (t == NULL) return;
    mix(digest, &t->dtype, sizeof t->dtype);
    mix_number(digest, t->ndim);
    for (int32_t d = 0; d < t->ndim; d++) {
        mix_number(digest, t->shape[d]);
        mix_number(digest, t->shape[d] > 1 ? t->strides[d] : 0);
        n *= t->shape[d];
    }
    mix_number(digest, t->data != NULL);
    for (int64_t i = 0; t->data != NULL && i < n; i++) {
        int64_t offset = 0, size = t->dtype.bits / 8;
        for (int32_t d = 0; d < t->ndim; d++) offset += at[d] * t->strides[d];
        mix(digest, (const char *)dvt_tensor_data(t) + offset * size, (uint64_t)size);
        for (int32_t d = t->ndim - 1; d >= 0 && ++at[d] == t->shape[d]; d--) at[d] = 0;
    }
}

static void mix_graph(uint64_t *digest, const dvt_graph *graph);

static void mix_attrs(uint64_t *digest, const dvt_attr *attrs, uint32_t n) {
    mix_number(digest, n);
    for (uint32_t k = 0; k < n; k++) {
        const dvt_attr *a = &attrs[k];
        mix_text(digest, a->name);
        mix_number(digest, a->kind);
        mix_number(digest, a->is_list);
        mix_number(digest, (int64_t)a->count);
        for (uint64_t i = 0; i < a->count; i++) {
            if (a->kind == DVT_ATTR_INT64 || a->kind == DVT_ATTR_FLOAT64)
                mix(digest, (const char *)a->values + 8 * i, 8);
            if (a->kind == DVT_ATTR_STRING) mix_text(digest, ((const char *const *)a->values)[i]);
            if (a->kind == DVT_ATTR_DTYPE)
                mix(digest, (const dvt_dtype *)a->values + i, sizeof(dvt_dtype));
            if (a->kind == DVT_ATTR_BYTES) mix(digest, (const char *)a->values + i, 1);
            if (a->kind == DVT_ATTR_TENSOR)
                mix_tensor(digest, ((const dvt_tensor *const *)a->values)[i]);
            if (a->kind == DVT_ATTR_GRAPH)
                mix_graph(digest, ((const dvt_graph *const *)a->values)[i]);
        }
    }
}

static void mix_indices(uint64_t *digest, const uint32_t *indices, uint32_t n) {
    mix_number(digest, n);
    for (uint32_t i = 0; i < n; i++) mix_number(digest, indices[i]);
}

static void mix_graph(uint64_t *digest, const dvt_graph *g) {
    mix_text(digest, g->name);
    mix_number(digest, g->flags);
    mix_indices(digest, g->inputs, g->n_inputs);
    mix_indices(digest, g->outputs, g->n_outputs);
    mix_number(digest, g->n_values);
    for (uint32_t i = 0; i < g->n_values; i++) {
        const dvt_value *v = g->values[i];
        mix_number(digest, v->flags);
        mix_text(digest, v->name);
        mix_tensor(digest, &v->spec);
        if (v->quant == NULL) continue;
        mix_number(digest, v->quant->axis);
        mix_tensor(digest, v->quant->scale);
        mix_tensor(digest, v->quant->zero_point);
    }
    mix_number(digest, g->n_nodes);
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const dvt_node *n = g->nodes[i];
        mix_number(digest, n->flags);
        mix_number(digest, n->version);
        mix_text(digest, n->op);
        mix_text(digest, n->name);
        mix_text(digest, n->location);
        mix_indices(digest, n->inputs, n->n_inputs);
        mix_indices(digest, n->outputs, n->n_outputs);
        mix_attrs(digest, n->attrs, n->n_attrs);
    }
    mix_number(digest, g->n_symbols);
    for (uint32_t i = 0; i < g->n_symbols; i++) {
        const dvt_symbol *s = g->symbols[i];
        mix_text(digest, s->name);
        mix_number(digest, s->min);
        mix_number(digest, s->typical);
        mix_number(digest, s->max);
        mix_number(digest, s->multiple_of);
    }
    mix_number(digest, g->n_aliases);
    for (uint32_t i = 0; i < g->n_aliases; i++) {
        const dvt_alias *a = g->aliases[i];
        mix_number(digest, a->flags);
        mix_number(digest, a->input);
        mix_number(digest, a->output);
    }
}

static dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error) {
    (void)error;
    for (uint32_t i = 0; i < desc->graph->n_nodes; i++) {
        int first = i == 0;
        claims[i]->group = first ? (uint32_t)COUNT : 0;
        claims[i]->reason = first && COUNT != 0 ? NULL : "only the first node is wanted";
    }
    return DVT_OK;
}

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **out,
                          dvt_executable_info *info, dvt_error *error) {
    executable *x = malloc(sizeof *x);
    if (x == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "malloc gave nothing");
    x->digest = UINT64_C(1469598103934665603);
    mix_number(&x->digest, desc->flags);
    mix_attrs(&x->digest, desc->options, desc->n_options);
    mix_graph(&x->digest, desc->graph);
    info->description = "a digest";
    *out = (dvt_executable *)(void *)x;
    return DVT_OK;
}

static dvt_status execute(dvt_executable *handle, const dvt_call *call, dvt_error *error) {
    uint64_t digest = ((executable *)(void *)handle)->digest;
    (void)error;
    for (uint32_t i = 0; i < call->n_inputs; i++) mix_tensor(&digest, call->inputs[i]);
    memcpy(dvt_tensor_data(call->outputs[0]), &digest, sizeof digest);
    return DVT_OK;
}

static void destroy(dvt_executable *handle) {
    free(handle);
}

static dvt_status save(dvt_executable *handle, const dvt_blob *blob, dvt_error *error) {
    (void)error;
    return blob->write(blob->context, handle, sizeof(executable));
}

static dvt_status load(const dvt_blob *blob, dvt_executable **out, dvt_executable_info *info,
                       dvt_error *error) {
    executable *x = malloc(sizeof *x);
    (void)info;
    if (x == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "malloc gave nothing");
    if (blob->size != sizeof *x) {
        free(x);
        return dvt_set_error(error, DVT_INCOMPATIBLE, "these bytes are of another digest");
    }
    memcpy(x, blob->bytes, sizeof *x);
    *out = (dvt_executable *)(void *)x;
    return DVT_OK;
}

static const dvt_graph_api graph_api = {.struct_size = sizeof graph_api,
                                        .partition = partition,
                                        .compile = compile,
                                        .execute = execute,
                                        .destroy = destroy,
                                        .save = save,
                                        .load = load};
static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .graph = &graph_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
