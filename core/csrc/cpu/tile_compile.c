/* From a group of nodes to a tile program: which values need a slot, in which form, for how
 * long. */
#include "tile_program.h"

#include <stdlib.h>
#include <string.h>

#include "half.h"
#include "jit.h"

#define NONE UINT32_MAX

typedef struct value {
    uint32_t producer;  /* node that computes it, or NONE */
    uint32_t source;    /* the input or constant that it is a view of */
    uint32_t raw, wide; /* slots of its forms: as in memory, and float32 for 16-bit floats */
    uint32_t uses, last_use;
    uint32_t output; /* slot of the graph's output, or NONE */
} value;

typedef struct work {
    const dvt_graph *graph;
    dvt_tile_program *program;
    value *values;
    const dvt_map **maps;  /* of a node, null for broadcasts */
    uint32_t *absorbed_by; /* of a multiplication: the addition that takes it in, or NONE */
    uint32_t *absorbs;     /* the other way round */
    uint32_t *next_free;   /* of a register's slot: lists by size */
    uint32_t free_list[4];
    uint32_t here; /* the node at hand */
} work;

static dvt_type type_of(const work *w, uint32_t v) {
    return dvt_type_of(w->graph->values[v]->spec.dtype);
}

static uint32_t size_class(uint32_t size) {
    return size == 8 ? 3 : size == 4 ? 2 : size - 1;
}

static uint32_t new_slot(work *w, dvt_tile_place place, uint32_t size, uint32_t index) {
    dvt_tile_program *program = w->program;
    program->slots[program->n_slots] =
        (dvt_tile_slot){.place = (uint8_t)place, .size = (uint8_t)size, .index = index};
    return program->n_slots++;
}

static uint32_t take_register(work *w, uint32_t size) {
    uint32_t *list = &w->free_list[size_class(size)], slot = *list;
    if (slot == NONE) return new_slot(w, DVT_TILE_REGISTER, size, 0);
    *list = w->next_free[slot];
    return slot;
}

static void give_register(work *w, uint32_t slot) {
    if (slot == NONE || w->program->slots[slot].place != DVT_TILE_REGISTER) return;
    uint32_t *list = &w->free_list[size_class(w->program->slots[slot].size)];
    w->next_free[slot] = *list;
    *list = slot;
}

static dvt_tile_instruction *emit(work *w, dvt_tile_kind kind) {
    dvt_tile_instruction *x = &w->program->instructions[w->program->n_instructions++];
    *x = (dvt_tile_instruction){.kind = (uint8_t)kind, .n_slots = 2};
    return x;
}

static void convert(work *w, dvt_tile_kind kind, uint32_t v, uint32_t to, uint32_t from) {
    dvt_tile_instruction *x = emit(w, kind);
    x->half = (uint8_t)dvt_half_of(type_of(w, v));
    x->slot[0] = to;
    x->slot[1] = from;
    w->program->picoseconds += 200;
}

/* The slot of a value in the form that an instruction wants. */
static uint32_t form(work *w, uint32_t v, int wide) {
    value *x = &w->values[v];
    if (wide && x->wide == NONE) {
        x->wide = take_register(w, 4);
        convert(w, DVT_TILE_WIDEN, v, x->wide, x->raw);
    } else if (!wide && x->raw == NONE) {
        x->raw = take_register(w, 2);
        convert(w, DVT_TILE_NARROW, v, x->raw, x->wide);
    }
    return wide ? x->wide : x->raw;
}

/* The operand's registers are free once the node at hand was its last reader. */
static void release(work *w, uint32_t v) {
    value *x = &w->values[v];
    if (x->last_use != w->here || x->uses == 0) return;
    x->uses = 0; /* an operand may stand twice in one node */
    give_register(w, x->raw);
    give_register(w, x->wide);
}

/* A node's operands: those of the multiplication it takes in, then its own. */
static uint32_t operands(const work *w, uint32_t n, uint32_t *list) {
    const dvt_node *node = w->graph->nodes[n];
    const uint32_t m = w->absorbs[n];
    uint32_t count = 0;
    if (m == NONE) {
        for (uint32_t i = 0; i < node->n_inputs; i++) list[count++] = node->inputs[i];
        return count;
    }
    const uint32_t product = w->graph->nodes[m]->outputs[0];
    list[count++] = w->graph->nodes[m]->inputs[0];
    list[count++] = w->graph->nodes[m]->inputs[1];
    list[count++] = node->inputs[node->inputs[0] == product ? 1 : 0];
    return count;
}

/* A conversion that was asked for rounds, though other ops may keep their float32. */
static void round_now(work *w, uint32_t v) {
    value *x = &w->values[v];
    form(w, v, 0);
    give_register(w, x->wide);
    x->wide = NONE;
}

/* What the instruction of a node is in registers. */
static void record(const work *w, uint32_t n, dvt_tile_instruction *x) {
    const dvt_node *node = w->graph->nodes[n];
    uint32_t list[DVT_MAP_MAX_OPERANDS];
    const uint32_t count = operands(w, n, list);
    dvt_type types[DVT_MAP_MAX_OPERANDS] = {type_of(w, node->outputs[0])};
    for (uint32_t i = 0; i < count; i++) types[i + 1] = type_of(w, list[i]);
    x->op = w->absorbs[n] == NONE ? dvt_tile_word(node) : "multiply_add";
    x->half = (uint8_t)dvt_half_of(types[0]);
    x->function = dvt_jit_find(x->op, types, count + 1);
}

static void translate(work *w, uint32_t n) {
    const uint32_t m = w->absorbs[n];
    uint32_t list[DVT_MAP_MAX_OPERANDS], slot[DVT_MAP_MAX_OPERANDS];
    const uint32_t count = operands(w, n, list), v = w->graph->nodes[n]->outputs[0];
    const dvt_map *map = m == NONE ? w->maps[n] : dvt_tile_multiply_add(type_of(w, v));
    value *result = &w->values[v];
    w->here = n;
    for (uint32_t i = 0; i < count; i++)
        slot[i + 1] = form(w, list[i], map->half[i + 1] != DVT_HALF_NONE);
    for (uint32_t i = 0; i < count; i++) release(w, list[i]);
    const int wide = map->half[0] != DVT_HALF_NONE;
    if (wide)
        slot[0] = result->wide = take_register(w, 4);
    else if (result->output != NONE)
        slot[0] = result->raw = result->output;
    else
        slot[0] = result->raw = take_register(w, map->size[0]);
    dvt_tile_instruction *x = emit(w, DVT_TILE_COMPUTE);
    x->fn = map->fn;
    record(w, n, x);
    x->n_slots = (uint8_t)(count + 1);
    memcpy(x->slot, slot, sizeof slot);
    w->program->picoseconds += map->picoseconds;
    if (wide && result->output != NONE) {
        result->raw = result->output;
        convert(w, DVT_TILE_NARROW, v, result->raw, result->wide);
    }
    if (wide && strcmp(w->graph->nodes[n]->op, "astype") == 0) round_now(w, v);
    if (result->uses == 0) {
        give_register(w, result->wide);
        give_register(w, result->raw);
    }
}

/* Finds each node's block function and each value's origin. Returns a reason when the group is no
 * tile program. */
static const char *analyse(work *w, const dvt_compile_desc *desc) {
    const dvt_graph *graph = w->graph;
    dvt_device *device = desc->n_devices ? desc->devices[0] : 0;
    const dvt_tensor *shape = 0;
    for (uint32_t n = 0; n < graph->n_nodes; n++) {
        const dvt_node *node = graph->nodes[n];
        if (dvt_tile_is_broadcast(node)) {
            if (w->values[node->inputs[0]].producer != NONE)
                return "a broadcast inside a tile program has to read one of the group's inputs";
            w->values[node->outputs[0]].source = w->values[node->inputs[0]].source;
            continue;
        }
        w->maps[n] = dvt_tile_lookup(graph, node, device, desc->host);
        if (!w->maps[n])
            return "tile programs hold element-wise ops that the CPU device has kernels for";
        const dvt_tensor *out = &graph->values[node->outputs[0]]->spec;
        if (!shape) shape = out;
        if (out->ndim != shape->ndim ||
            (shape->ndim > 0 &&
             memcmp(out->shape, shape->shape, (size_t)shape->ndim * sizeof *shape->shape) != 0))
            return "all results of a tile program have one shape";
        w->values[node->outputs[0]].producer = n;
        for (uint32_t i = 0; i < node->n_inputs; i++) w->values[node->inputs[i]].uses++;
    }
    if (!shape) return "a tile program needs a node that computes";
    w->program->ndim = shape->ndim;
    w->program->size = dvt_size(shape);
    for (int32_t i = 0; i < shape->ndim; i++) {
        if (shape->shape[i] < 0) return "tile programs have static shapes";
        w->program->shape[i] = shape->shape[i];
    }
    return 0;
}

/* x * y + z in one pass over the tiles, where nothing else reads the product. */
static void absorb_products(work *w) {
    for (uint32_t n = 0; n < w->graph->n_nodes; n++) {
        const dvt_node *node = w->graph->nodes[n];
        if (!w->maps[n] || strcmp(node->op, "add") != 0 ||
            !dvt_tile_multiply_add(type_of(w, node->outputs[0])))
            continue;
        for (uint32_t i = 0; i < 2 && w->absorbs[n] == NONE; i++) {
            const value *x = &w->values[node->inputs[i]];
            const uint32_t m = x->producer;
            if (m != NONE && x->uses == 1 && x->output == NONE && w->absorbs[m] == NONE &&
                node->inputs[0] != node->inputs[1] &&
                strcmp(w->graph->nodes[m]->op, "multiply") == 0) {
                w->absorbs[n] = m;
                w->absorbed_by[m] = n;
            }
        }
    }
}

/* Slots of inputs, constants and outputs. */
static const char *edges(work *w) {
    const dvt_graph *graph = w->graph;
    for (uint32_t n = 0; n < graph->n_nodes; n++) {
        uint32_t list[DVT_MAP_MAX_OPERANDS];
        if (!w->maps[n] || w->absorbed_by[n] != NONE) continue;
        const uint32_t count = operands(w, n, list);
        for (uint32_t i = 0; i < count; i++) {
            w->values[list[i]].last_use = n;
        }
    }
    for (uint32_t v = 0; v < graph->n_values; v++) {
        value *x = &w->values[v];
        const uint32_t size = dvt_type_size(type_of(w, v));
        if (x->producer != NONE || (x->uses == 0 && x->output == NONE)) continue;
        const dvt_value *from = graph->values[x->source];
        const uint8_t scalar = dvt_size(&from->spec) == 1;
        uint32_t input = 0;
        while (input < graph->n_inputs && graph->inputs[input] != x->source) input++;
        if (input < graph->n_inputs) {
            x->raw = new_slot(w, DVT_TILE_INPUT, size, input);
            w->program->slots[x->raw].scalar = scalar;
        } else if ((from->flags & DVT_VALUE_CONSTANT) && from->spec.data) {
            w->program->constants[w->program->n_constants] = &from->spec;
            x->raw = new_slot(w, DVT_TILE_CONSTANT, size, w->program->n_constants++);
            w->program->slots[x->raw].scalar = scalar;
        } else {
            return "a value of the group comes from nowhere";
        }
    }
    for (uint32_t o = 0; o < graph->n_outputs; o++) {
        const uint32_t v = graph->outputs[o];
        const uint32_t slot = new_slot(w, DVT_TILE_OUTPUT, dvt_type_size(type_of(w, v)), o);
        if (w->values[v].output == 0) /* marked by dvt_tile_compile */
            w->values[v].output = slot;
    }
    w->program->n_edges = w->program->n_slots;
    return 0;
}

/* An output that is an input, a view of one, or another output again. */
static void copy_outputs(work *w) {
    const dvt_tile_program *program = w->program;
    for (uint32_t s = 0; s < program->n_edges; s++) {
        if (program->slots[s].place != DVT_TILE_OUTPUT) continue;
        const value *x = &w->values[w->graph->outputs[program->slots[s].index]];
        if (x->raw == s) continue;
        const dvt_type type = type_of(w, w->graph->outputs[program->slots[s].index]);
        dvt_tile_instruction *copy = emit(w, DVT_TILE_COPY);
        copy->op = "astype";
        copy->half = (uint8_t)dvt_half_of(type);
        copy->function = dvt_jit_find(copy->op, (dvt_type[]){type, type}, 2);
        copy->size = program->slots[s].size;
        copy->slot[0] = s;
        copy->slot[1] = x->raw;
    }
}

/* One block of memory for the program and all its arrays. */
static dvt_tile_program *new_program(const dvt_graph *graph, int32_t ndim) {
    const size_t slots = 3 * (size_t)graph->n_values + graph->n_outputs;
    const size_t instructions = graph->n_nodes + 2 * (size_t)graph->n_values + graph->n_outputs;
    char *memory =
        calloc(1, sizeof(dvt_tile_program) + graph->n_values * sizeof(dvt_tensor *) +
                      (size_t)ndim * sizeof(int64_t) + instructions * sizeof(dvt_tile_instruction) +
                      slots * sizeof(dvt_tile_slot));
    if (!memory) return 0;
    dvt_tile_program *program = (dvt_tile_program *)(void *)memory;
    memory += sizeof *program;
    program->constants = (const dvt_tensor **)(void *)memory;
    memory += graph->n_values * sizeof(dvt_tensor *);
    program->shape = (int64_t *)(void *)memory;
    memory += (size_t)ndim * sizeof(int64_t);
    program->instructions = (dvt_tile_instruction *)(void *)memory;
    memory += instructions * sizeof(dvt_tile_instruction);
    program->slots = (dvt_tile_slot *)(void *)memory;
    return program;
}

static const char *build(work *w, const dvt_compile_desc *desc) {
    const dvt_graph *graph = w->graph;
    for (uint32_t v = 0; v < graph->n_values; v++)
        w->values[v] = (value){.producer = NONE,
                               .source = v,
                               .raw = NONE,
                               .wide = NONE,
                               .last_use = NONE,
                               .output = NONE};
    for (uint32_t n = 0; n < graph->n_nodes; n++) w->absorbs[n] = w->absorbed_by[n] = NONE;
    for (int i = 0; i < 4; i++) w->free_list[i] = NONE;
    for (uint32_t o = 0; o < graph->n_outputs; o++) w->values[graph->outputs[o]].output = 0;
    const char *reason = analyse(w, desc);
    if (reason) return reason;
    absorb_products(w);
    reason = edges(w);
    if (reason) return reason;
    for (uint32_t n = 0; n < graph->n_nodes; n++)
        if (w->maps[n] && w->absorbed_by[n] == NONE) translate(w, n);
    copy_outputs(w);
    dvt_tile_find_aliases(w->program, graph);
    w->program->threads = desc->host->n_threads ? desc->host->n_threads : 1;
    dvt_tile_lay_out(w->program);
    if (dvt_attr_int(desc->options, desc->n_options, "jit", 1) != 0)
        w->program->code = dvt_jit_compile(w->program);
    else
        strcpy(w->program->why, "a tile program, interpreted: as the option jit wants it");
    return dvt_tile_breaks_alias(w->program, graph)
               ? "an update in place is read after it is written"
               : 0;
}

dvt_status dvt_tile_compile(const dvt_compile_desc *desc, dvt_tile_program **program,
                            const char **reason, dvt_error *error) {
    const dvt_graph *graph = desc->graph;
    int32_t ndim = 0;
    for (uint32_t v = 0; v < graph->n_values; v++)
        ndim = graph->values[v]->spec.ndim > ndim ? graph->values[v]->spec.ndim : ndim;
    const size_t nodes = graph->n_nodes, slots = 3 * (size_t)graph->n_values + graph->n_outputs;
    char *memory = malloc(graph->n_values * sizeof(value) + nodes * sizeof(dvt_map *) +
                          (2 * nodes + slots) * sizeof(uint32_t) + 1);
    dvt_tile_program *made = new_program(graph, ndim);
    if (!memory || !made) {
        free(memory);
        free(made);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY,
                             "the CPU device found no memory to compile a tile program");
    }
    work w = {.graph = graph, .program = made};
    w.maps = (const dvt_map **)(void *)memory;
    memset(memory, 0, nodes * sizeof *w.maps);
    w.values = (value *)(void *)(memory + nodes * sizeof *w.maps);
    w.absorbs = (uint32_t *)(void *)(w.values + graph->n_values);
    w.absorbed_by = w.absorbs + nodes;
    w.next_free = w.absorbed_by + nodes;
    *reason = build(&w, desc);
    free(memory);
    if (*reason) {
        dvt_tile_free(made);
        return DVT_UNSUPPORTED;
    }
    *program = made;
    return DVT_OK;
}

void dvt_tile_free(dvt_tile_program *program) {
    if (program) dvt_jit_free(program->code);
    free(program);
}
