/* From a node of a graph to the block function of its kernel. */
#include "tile_program.h"

#include <string.h>

#include "rows.h"

/* Families whose kernels are maps. Weak symbols: a family may be absent from a build. */
static uint32_t families(const dvt_kernel_def *rows[5], uint32_t counts[5]) {
    uint32_t n = 0;
#define FAMILY(family)                                                                             \
    {                                                                                              \
        const uint32_t *const volatile count = &dvt_cpu_##family##_count;                          \
        if (count) {                                                                               \
            rows[n] = dvt_cpu_##family##_rows;                                                     \
            counts[n++] = *count;                                                                  \
        }                                                                                          \
    }
    FAMILY(arithmetic)
    FAMILY(unary)
    FAMILY(compare)
    FAMILY(bitwise)
    FAMILY(cast)
    return n;
}

int dvt_tile_is_broadcast(const dvt_node *node) {
    return node->n_inputs == 1 && node->n_outputs == 1 && strcmp(node->op, "broadcast_to") == 0;
}

/* The map that a row's prepare gives for this op, or null. */
static const dvt_map *map_of_row(const dvt_kernel_def *row, const dvt_op *op) {
    dvt_kernel_info info = {.struct_size = sizeof info};
    dvt_error error = {.struct_size = sizeof error};
    if (!row->prepare || op->version < row->min_version || op->version > row->max_version ||
        row->prepare(op, &info, &error) != DVT_OK)
        return 0;
    const dvt_run_fn run = info.run ? info.run : row->run;
    if (run == dvt_map_run && !info.workspace_size)
        return (const dvt_map *)(const void *)info.kernel;
    if (row->destroy && info.kernel) row->destroy(info.kernel);
    return 0;
}

const dvt_map *dvt_tile_lookup(const dvt_graph *graph, const dvt_node *node, dvt_device *device,
                               const dvt_host *host) {
    const dvt_tensor *inputs[DVT_MAP_MAX_OPERANDS - 1], *output;
    if (node->n_outputs != 1 || node->n_inputs < 1 || node->n_inputs >= DVT_MAP_MAX_OPERANDS)
        return 0;
    for (uint32_t i = 0; i < node->n_inputs; i++) inputs[i] = &graph->values[node->inputs[i]]->spec;
    output = &graph->values[node->outputs[0]]->spec;
    /* The rows' types are the host's to check; here a type that no row has must not get so far. */
    if (dvt_type_of(output->dtype) == DVT_N_TYPES) return 0;
    for (uint32_t i = 0; i < node->n_inputs; i++)
        if (dvt_type_of(inputs[i]->dtype) == DVT_N_TYPES) return 0;
    const dvt_op op = {.struct_size = sizeof op,
                       .flags = node->flags,
                       .name = node->op,
                       .version = node->version,
                       .n_inputs = node->n_inputs,
                       .n_outputs = 1,
                       .n_attrs = node->n_attrs,
                       .inputs = inputs,
                       .outputs = &output,
                       .attrs = node->attrs,
                       .device = device,
                       .host = host};
    const dvt_kernel_def *rows[5];
    uint32_t counts[5];
    const uint32_t n = families(rows, counts);
    for (uint32_t f = 0; f < n; f++)
        for (uint32_t r = 0; r < counts[f]; r++) {
            if (strcmp(rows[f][r].op, node->op) != 0) continue;
            const dvt_map *map = map_of_row(&rows[f][r], &op);
            if (map && map->n_inputs == node->n_inputs) return map;
        }
    return dvt_tile_composite(node, dvt_type_of(inputs[0]->dtype));
}
