/* Programs: how the chip runs one, and the graph table. */
#include "program.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "stream.h"

/* ---- running ---- */

typedef struct run_state {
    const dvt_executable *program;
    void *const *operands;
    char *registers;
    uint64_t start; /* first element of the tile */
} run_state;

static char *at(const run_state *s, uint32_t ref) {
    const uint64_t size = element_bytes((element_type)s->program->type);
    const uint64_t number = REF_NUMBER(ref);
    switch (REF_KIND(ref)) {
    case REF_OPERAND:
        return (char *)s->operands[number] + s->start * size;
    case REF_CONSTANT:
        return (char *)s->program->constants + (number * s->program->count + s->start) * size;
    default:
        return s->registers + number * TILE * size;
    }
}

/* Tile by tile through all instructions, so that registers stay in the nearest memory. */
static void run(const task *t, void *const *operands, void *workspace) {
    const dvt_executable *p = (const dvt_executable *)(const void *)t;
    const uint64_t size = element_bytes((element_type)p->type);
    run_state s = {.program = p, .operands = operands, .registers = workspace};
    for (; s.start < p->count; s.start += TILE) {
        const uint64_t n = p->count - s.start < TILE ? p->count - s.start : TILE;
        for (uint32_t i = 0; i < p->n_instructions; i++) {
            const instruction *step = &p->instructions[i];
            if (step->op == OP_MOVE)
                memmove(at(&s, step->z), at(&s, step->x), n * size);
            else
                element_ops[step->op].compute[p->type](at(&s, step->x), at(&s, step->y),
                                                       at(&s, step->z), n);
        }
    }
}

/* ---- making ---- */

dvt_executable *program_new(uint32_t n_instructions, uint32_t n_constants, uint64_t count,
                            element_type type) {
    const size_t head = (sizeof(dvt_executable) + 15) / 16 * 16;
    const size_t code = (size_t)n_instructions * sizeof(instruction);
    const uint64_t constants = n_constants * count * element_bytes(type);
    if (constants > SIZE_MAX / 2 - head - code) return NULL;
    dvt_executable *p = calloc(1, head + code + (size_t)constants + 1);
    if (p == NULL) return NULL;
    atomic_init(&p->task.references, 1);
    p->type = (uint32_t)type;
    p->count = count;
    p->n_instructions = n_instructions;
    p->n_constants = n_constants;
    p->instructions = (instruction *)(void *)((char *)p + head);
    p->constants = (unsigned char *)p + head + code;
    return p;
}

static bool is_in_range(const dvt_executable *p, uint32_t ref, bool written) {
    const uint32_t number = REF_NUMBER(ref), n_operands = p->task.n_inputs + p->task.n_outputs;
    switch (REF_KIND(ref)) {
    case REF_OPERAND:
        return number < n_operands && (!written || number >= p->task.n_inputs);
    case REF_CONSTANT:
        return number < p->n_constants && !written;
    case REF_REGISTER:
        return number < p->n_registers;
    default:
        return false;
    }
}

bool program_is_sound(const dvt_executable *p) {
    for (uint32_t i = 0; i < p->n_instructions; i++) {
        const instruction *step = &p->instructions[i];
        if (step->op != OP_MOVE &&
            (step->op >= n_element_ops || element_ops[step->op].compute[p->type] == NULL))
            return false;
        if (!is_in_range(p, step->x, false) || !is_in_range(p, step->y, false) ||
            !is_in_range(p, step->z, true))
            return false;
    }
    return true;
}

/* An output may lie over an input when no instruction reads the input after the output is written:
 * within a tile both hold the same elements. */
static bool may_lie_over(const dvt_executable *p, uint32_t output, uint32_t input) {
    const uint32_t z = REF(REF_OPERAND, p->task.n_inputs + output), x = REF(REF_OPERAND, input);
    bool written = false;
    for (uint32_t i = 0; i < p->n_instructions; i++) {
        const instruction *step = &p->instructions[i];
        if (written && (step->x == x || step->y == x)) return false;
        if (step->z == z) written = true;
    }
    return true;
}

/* An input that no instruction reads may have any size, and is not looked at. */
static bool is_used(const dvt_executable *p, uint32_t operand) {
    const uint32_t ref = REF(REF_OPERAND, operand);
    for (uint32_t i = 0; i < p->n_instructions; i++) {
        const instruction *step = &p->instructions[i];
        if (step->x == ref || step->y == ref || step->z == ref) return true;
    }
    return false;
}

void program_finish(dvt_executable *p, dvt_device *device, dvt_executable_info *info) {
    task *t = &p->task;
    const uint64_t size = element_bytes((element_type)p->type);
    p->device = device;
    t->name = "program";
    t->compute = run;
    t->workspace = p->n_registers * TILE * size;
    for (uint32_t i = 0; i < t->n_inputs + t->n_outputs; i++)
        t->bytes[i] = is_used(p, i) ? p->count * size : 0;
    for (uint32_t o = 0; o < t->n_outputs && o < 8; o++)
        for (uint32_t i = 0; i < t->n_inputs && i < 8; i++)
            if (may_lie_over(p, o, i)) p->may_alias |= UINT64_C(1) << (8 * o + i);
    snprintf(p->description, sizeof p->description,
             "program: %u instructions on %llu elements of %s; registers: %u", p->n_instructions,
             (unsigned long long)p->count, element_word((element_type)p->type), p->n_registers);
    info->flags = DVT_EXECUTABLE_CONCURRENT | DVT_EXECUTABLE_CONSTANTS_COPIED;
    info->workspace_size = t->workspace;
    info->cost_ns = 2000 + p->n_instructions * p->count / 4;
    info->may_alias = p->may_alias;
    info->description = p->description;
}

/* ---- the table ---- */

static dvt_status execute(dvt_executable *p, const dvt_call *call, dvt_error *error) {
    return task_submit(&p->task, call, error);
}

static void destroy(dvt_executable *p) {
    task_release(&p->task); /* commands that are queued hold it a little longer */
}

const dvt_graph_api graph_api = {
    .struct_size = sizeof graph_api,
    .partition = partition,
    .compile = program_compile,
    .execute = execute,
    .destroy = destroy,
    .save = program_save,
    .load = program_load,
};
