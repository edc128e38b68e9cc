/* The compiler: nodes in their order become instructions, values become operands, constants, or
 * registers that are used again once their last reader is done. */
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "program.h"

#define UNPLACED UINT32_MAX

typedef struct compiler {
    const dvt_graph *graph;
    dvt_device *device;
    dvt_executable *program;
    uint32_t *place;       /* of a value: its REF */
    uint32_t *last_reader; /* of a value: the last node that reads it */
    uint32_t *spare;       /* registers that are free again */
    uint32_t n_spare;
} compiler;

static bool is_like(const dvt_tensor *a, const dvt_tensor *b) {
    return tensor_count(a) == tensor_count(b) && a->dtype.code == b->dtype.code &&
           a->dtype.bits == b->dtype.bits && a->dtype.lanes == b->dtype.lanes;
}

/* Why the graph is no program; null when it is one. */
static const char *refusal(const dvt_graph *g) {
    if (g->n_nodes == 0) return "a program needs at least one node";
    if (g->n_inputs + g->n_outputs > MAX_OPERANDS)
        return "a program has at most 32 inputs and outputs";
    for (uint32_t n = 0; n < g->n_nodes; n++) {
        const char *reason = partition_refusal(g, g->nodes[n]);
        if (reason != NULL) return reason;
    }
    const dvt_tensor *first = &g->values[g->nodes[0]->outputs[0]]->spec;
    for (uint32_t n = 0; n < g->n_nodes; n++)
        if (!is_like(&g->values[g->nodes[n]->outputs[0]]->spec, first))
            return "a program has values of one size and type";
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (!is_like(&g->values[g->outputs[i]]->spec, first))
            return "a program has results of one size and type";
    return NULL;
}

/* Constants that a node or a result reads have its size; others are of no interest. */
static bool is_constant(const dvt_graph *g, uint32_t value) {
    const dvt_tensor *first = &g->values[g->nodes[0]->outputs[0]]->spec;
    return (g->values[value]->flags & DVT_VALUE_CONSTANT) &&
           is_like(&g->values[value]->spec, first);
}

/* A constant is copied into program memory: it must survive its executable's queued work. */
static dvt_status take_constant(compiler *c, uint32_t value, dvt_error *error) {
    dvt_executable *p = c->program;
    const dvt_tensor *t = &c->graph->values[value]->spec;
    const uint64_t bytes = p->count * element_bytes((element_type)p->type);
    location where = memory_locate(c->device, t);
    c->place[value] = REF(REF_CONSTANT, p->n_constants);
    if (bytes > 0) {
        const void *data = memory_at(&where, 0, (int64_t)bytes, "compile", error);
        if (data == NULL) return error->code;
        memcpy(p->constants + p->n_constants * bytes, data, bytes);
    }
    p->n_constants++;
    return DVT_OK;
}

static void place_operands(compiler *c) {
    const dvt_graph *g = c->graph;
    for (uint32_t i = 0; i < g->n_inputs; i++) c->place[g->inputs[i]] = REF(REF_OPERAND, i);
    for (uint32_t i = 0; i < g->n_outputs; i++)
        if (c->place[g->outputs[i]] == UNPLACED)
            c->place[g->outputs[i]] = REF(REF_OPERAND, g->n_inputs + i);
    for (uint32_t n = 0; n < g->n_nodes; n++)
        for (uint32_t i = 0; i < g->nodes[n]->n_inputs; i++)
            c->last_reader[g->nodes[n]->inputs[i]] = n;
}

static void emit(compiler *c, uint32_t op, uint32_t x, uint32_t y, uint32_t z) {
    c->program->instructions[c->program->n_instructions++] = (instruction){op, x, y, z};
}

static void translate(compiler *c, uint32_t n) {
    const dvt_node *node = c->graph->nodes[n];
    const uint32_t z = node->outputs[0];
    const uint32_t x = c->place[node->inputs[0]], y = c->place[node->inputs[node->n_inputs - 1]];
    for (uint32_t i = 0; i < node->n_inputs; i++) {
        const uint32_t value = node->inputs[i];
        const bool again = i > 0 && value == node->inputs[0];
        if (c->last_reader[value] == n && REF_KIND(c->place[value]) == REF_REGISTER && !again)
            c->spare[c->n_spare++] = c->place[value]; /* the result may take its place */
    }
    if (c->place[z] == UNPLACED)
        c->place[z] =
            c->n_spare > 0 ? c->spare[--c->n_spare] : REF(REF_REGISTER, c->program->n_registers++);
    emit(c, (uint32_t)(element_find(node->op, node->version) - element_ops), x, y, c->place[z]);
}

/* Results that are inputs, constants or another result: moved, each to its own operand. */
static void move_results(compiler *c) {
    const dvt_graph *g = c->graph;
    for (uint32_t i = 0; i < g->n_outputs; i++) {
        const uint32_t own = REF(REF_OPERAND, g->n_inputs + i), from = c->place[g->outputs[i]];
        if (from != own) emit(c, OP_MOVE, from, from, own);
    }
}

static dvt_status build(compiler *c, dvt_error *error) {
    const dvt_graph *g = c->graph;
    for (uint32_t v = 0; v < g->n_values; v++) c->place[v] = UNPLACED;
    for (uint32_t v = 0; v < g->n_values; v++) {
        if (!is_constant(g, v)) continue;
        dvt_status status = take_constant(c, v, error);
        if (status != DVT_OK) return status;
    }
    place_operands(c);
    for (uint32_t n = 0; n < g->n_nodes; n++) translate(c, n);
    move_results(c);
    if (!program_is_sound(c->program))
        return fail(error, DVT_INVALID_ARGUMENT,
                    "compile: a node or a result reads a value that no node before it makes");
    return DVT_OK;
}

dvt_status program_compile(const dvt_compile_desc *desc, dvt_executable **executable,
                           dvt_executable_info *info, dvt_error *error) {
    const dvt_graph *g = desc->graph;
    const char *reason = refusal(g);
    if (reason != NULL) {
        info->description = reason; /* static, and all there is to say */
        return dvt_set_error(error, DVT_UNSUPPORTED, reason);
    }
    dvt_status status = device_check(desc->devices[0], error);
    if (status != DVT_OK) return status;
    const dvt_tensor *first = &g->values[g->nodes[0]->outputs[0]]->spec;
    uint32_t n_constants = 0;
    for (uint32_t v = 0; v < g->n_values; v++)
        if (is_constant(g, v)) n_constants++;
    dvt_executable *p = program_new(g->n_nodes + g->n_outputs, n_constants, tensor_count(first),
                                    element_type_of(first->dtype));
    uint32_t *room = calloc((size_t)2 * g->n_values + g->n_nodes + 1, sizeof *room);
    if (p == NULL || room == NULL) {
        free(p);
        free(room);
        return fail(error, DVT_OUT_OF_MEMORY, "compile: no host memory for %u nodes", g->n_nodes);
    }
    compiler c = {.graph = g,
                  .device = desc->devices[0],
                  .program = p,
                  .place = room,
                  .last_reader = room + g->n_values,
                  .spare = room + (size_t)2 * g->n_values};
    p->n_instructions = p->n_constants = 0;
    p->task.n_inputs = g->n_inputs;
    p->task.n_outputs = g->n_outputs;
    status = build(&c, error);
    free(room);
    if (status != DVT_OK) {
        free(p);
        return status;
    }
    program_finish(p, c.device, info);
    *executable = p;
    return DVT_OK;
}
