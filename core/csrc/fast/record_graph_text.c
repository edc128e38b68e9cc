/* A graph in a recording: every value, node, symbol and alias, constants with their data. */
#include "record.h"

static void put_indices(dvf_text *text, const char *name, const uint32_t *indices, uint32_t n) {
    dvf_text_put(text, ",\"%s\":[", name);
    for (uint32_t i = 0; i < n; i++) dvf_text_put(text, "%s%u", i > 0 ? "," : "", indices[i]);
    dvf_text_put(text, "]");
}

static void put_name(dvf_text *text, const char *member, const char *name) {
    if (name == NULL) return;
    dvf_text_put(text, ",\"%s\":", member);
    dvf_text_string(text, name, SIZE_MAX);
}

static void put_value(dvf_recorder *recorder, dvf_text *text, const dvt_value *value,
                      dvf_recorded_device *device) {
    int constant = (value->flags & DVT_VALUE_CONSTANT) != 0;
    dvf_text_put(text, "{\"flags\":%u,\"spec\":", value->flags);
    dvf_record_view(recorder, text, &value->spec, device,
                    constant ? DVF_VIEW_PLACED : DVF_VIEW_SPEC);
    put_name(text, "name", value->name);
    if (value->quant != NULL) {
        dvf_text_put(text, ",\"quant\":{\"axis\":%d,\"scale\":", value->quant->axis);
        dvf_record_view(recorder, text, value->quant->scale, device, DVF_VIEW_PLACED);
        dvf_text_put(text, ",\"zero_point\":");
        dvf_record_view(recorder, text, value->quant->zero_point, device, DVF_VIEW_PLACED);
        dvf_text_put(text, "}");
    }
    dvf_text_put(text, "}");
}

static void put_node(dvf_recorder *recorder, dvf_text *text, const dvt_node *node,
                     dvf_recorded_device *device) {
    dvf_text_put(text, "{\"flags\":%u,\"version\":%u", node->flags, node->version);
    put_name(text, "op", node->op);
    put_name(text, "name", node->name);
    put_name(text, "location", node->location);
    put_indices(text, "inputs", node->inputs, node->n_inputs);
    put_indices(text, "outputs", node->outputs, node->n_outputs);
    dvf_text_put(text, ",\"attrs\":");
    dvf_record_attrs(recorder, text, node->attrs, node->n_attrs, device);
    dvf_text_put(text, "}");
}

void dvf_record_graph(dvf_recorder *recorder, dvf_text *text, const dvt_graph *graph,
                      dvf_recorded_device *device) {
    if (text->closed) return;
    if (graph == NULL) {
        dvf_text_put(text, "null");
        return;
    }
    dvf_text_put(text, "{\"flags\":%u", graph->flags);
    put_name(text, "name", graph->name);
    dvf_text_put(text, ",\"values\":[");
    for (uint32_t i = 0; i < graph->n_values; i++) {
        if (i > 0) dvf_text_put(text, ",");
        put_value(recorder, text, graph->values[i], device);
    }
    dvf_text_put(text, "],\"nodes\":[");
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        if (i > 0) dvf_text_put(text, ",");
        put_node(recorder, text, graph->nodes[i], device);
    }
    dvf_text_put(text, "]");
    put_indices(text, "inputs", graph->inputs, graph->n_inputs);
    put_indices(text, "outputs", graph->outputs, graph->n_outputs);
    dvf_text_put(text, ",\"symbols\":[");
    for (uint32_t i = 0; i < graph->n_symbols; i++) {
        const dvt_symbol *s = graph->symbols[i];
        dvf_text_put(text, "%s{\"min\":%lld,\"typical\":%lld,\"max\":%lld,\"multiple_of\":%lld",
                     i > 0 ? "," : "", (long long)s->min, (long long)s->typical, (long long)s->max,
                     (long long)s->multiple_of);
        put_name(text, "name", s->name);
        dvf_text_put(text, "}");
    }
    dvf_text_put(text, "],\"aliases\":[");
    for (uint32_t i = 0; i < graph->n_aliases; i++) {
        const dvt_alias *a = graph->aliases[i];
        dvf_text_put(text, "%s[%u,%u,%u]", i > 0 ? "," : "", a->input, a->output, a->flags);
    }
    dvf_text_put(text, "]");
    dvf_record_extensions(text, graph->ext);
    dvf_text_put(text, "}");
}
