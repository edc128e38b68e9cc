/* Registers for the values of a recording, and its machine code: one pass over straight-line code. When no
 * register is free, the value whose next use is furthest gives way (Belady's rule, as in Poletto and
 * Sarkar's linear scan); constants and plain loads are read again where they are needed, which is all that
 * stores of a vector, which come last, allow. */
#include <stdlib.h>
#include <string.h>

#include "jit_registers.h"

#define NONE DVT_JIT_NONE
#define NEVER UINT32_MAX
#define SCRATCH DVT_JIT_SCRATCH

typedef dvt_jit_held value;
typedef dvt_jit_work work;

/* General registers that hold the first slots' pointers. */
static const uint8_t pointers[] = {1, 3, 8, 9, 10, 11, 12, 13, 14, 15};

static const dvt_jit_node *node_of(const work *w, uint16_t v) {
    return &w->jit->nodes[v];
}

/* Values that can be had again from memory without having been stored. */
static int is_source(const work *w, uint16_t v) {
    return dvt_jit_encodings[node_of(w, v)->op].form == DVT_FORM_SOURCE;
}

dvt_jit_operand dvt_jit_slot(work *w, const dvt_jit_node *node) {
    const uint32_t edge = node->edge;
    const dvt_tile_slot *e = &w->jit->edges[edge];
    dvt_jit_operand x = {.where = DVT_JIT_IN_SLOT,
                         .scale = e->scalar ? 0 : e->size,
                         .at = e->scalar ? 0 : node->part * w->jit->vector * e->size};
    if (edge < sizeof pointers) {
        x.base = pointers[edge];
    } else {
        dvt_jit_load_pointer(w->to, DVT_JIT_RAX, edge);
        x.base = DVT_JIT_RAX;
    }
    return x;
}

/* Where a value lies in memory; it must be a source or have been spilled. */
static dvt_jit_operand memory(work *w, uint16_t v) {
    value *x = &w->values[v];
    const dvt_jit_node *node = node_of(w, v);
    if (node->op == DVT_JIT_CONSTANT) {
        if (!x->pooled) {
            x->pool = (uint16_t)dvt_jit_pooled(w->to, node->bits);
            x->pooled = 1;
        }
        return (dvt_jit_operand){.where = DVT_JIT_IN_POOL, .at = x->pool};
    }
    if (node->op == DVT_JIT_LOAD) return dvt_jit_slot(w, node);
    return (dvt_jit_operand){.where = DVT_JIT_ON_STACK, .at = x->stack};
}

static void move(work *w, uint8_t to, dvt_jit_operand from) {
    dvt_jit_vex(w->to, DVT_JIT_VEX("vmovups", RM, 0, 1, 0x10), to, -1, from, -1, DVT_JIT_WIDE);
}

static void spill(work *w, uint8_t reg) {
    const uint16_t v = w->held[reg];
    value *x = &w->values[v];
    if (!is_source(w, v) && x->stack == NONE) {
        x->stack = w->n_free_stack ? w->free_stack[--w->n_free_stack] : (uint16_t)w->to->n_stack++;
        dvt_jit_vex(w->to, &dvt_jit_encodings[DVT_JIT_STORE], reg, -1,
                    (dvt_jit_operand){.where = DVT_JIT_ON_STACK, .at = x->stack}, -1, DVT_JIT_WIDE);
        w->spills++;
    }
    x->reg = UINT8_MAX;
    w->held[reg] = NONE;
}

uint8_t dvt_jit_take(work *w) {
    uint8_t best = UINT8_MAX;
    uint32_t furthest = 0;
    for (uint8_t r = 0; r < SCRATCH; r++) {
        if (w->held[r] == NONE && !w->pinned[r]) return r;
        if (w->pinned[r]) continue;
        /* What need not be stored gives way a little earlier. */
        const uint32_t use = w->values[w->held[r]].next_use;
        const uint32_t far = use == NEVER ? NEVER : 2 * use + (uint32_t)is_source(w, w->held[r]);
        if (best == UINT8_MAX || far > furthest) {
            best = r;
            furthest = far;
        }
    }
    spill(w, best);
    return best;
}

static void hold(work *w, uint8_t reg, uint16_t v) {
    w->held[reg] = v;
    w->values[v].reg = reg;
}

uint8_t dvt_jit_fetch(work *w, uint16_t v) {
    if (w->values[v].reg == UINT8_MAX) {
        const uint8_t reg = dvt_jit_take(w);
        move(w, reg, memory(w, v));
        hold(w, reg, v);
    }
    w->pinned[w->values[v].reg] = 1;
    return w->values[v].reg;
}

/* Whether an operand is better read from memory: it has no register, and no use soon. */
static int from_memory(const work *w, uint16_t v, uint32_t next) {
    if (w->values[v].reg != UINT8_MAX) return 0;
    return next == NEVER || node_of(w, v)->op == DVT_JIT_CONSTANT;
}

static dvt_jit_operand register_or_memory(work *w, uint16_t v, uint32_t next) {
    return from_memory(w, v, next) ? memory(w, v) : dvt_jit_in(dvt_jit_fetch(w, v));
}

void dvt_jit_use_up(work *w, uint32_t n) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const uint32_t count = dvt_jit_n_operands(node->op);
    for (uint32_t i = 0; i < count; i++) {
        value *x = &w->values[node->operand[i]];
        x->next_use = w->after[n][i];
        if (x->next_use != NEVER) continue;
        if (x->reg != UINT8_MAX) {
            w->held[x->reg] = NONE;
            x->reg = UINT8_MAX;
        }
        if (x->stack != NONE) {
            w->leaving[w->n_leaving++] = x->stack;
            x->stack = NONE;
        }
    }
    memset(w->pinned, 0, sizeof w->pinned);
}

uint8_t dvt_jit_result(work *w, uint32_t n, const uint8_t *keep, uint32_t n_keep) {
    for (uint32_t i = 0; i < n_keep; i++) w->pinned[keep[i]] = 1;
    const uint8_t reg = dvt_jit_take(w);
    memset(w->pinned, 0, sizeof w->pinned);
    hold(w, reg, (uint16_t)n);
    return reg;
}

/* ---- forms --------------------------------------------------------------------------------------- */

static void two_operands(work *w, uint32_t n, const dvt_jit_encoding *how, int imm) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    uint16_t a = node->operand[0], b = node->operand[1];
    uint32_t next_b = w->after[n][1];
    if (how->form == DVT_FORM_RVM_SYMMETRIC && from_memory(w, a, w->after[n][0])) {
        a = node->operand[1];
        b = node->operand[0];
        next_b = w->after[n][0];
    }
    const uint8_t first = dvt_jit_fetch(w, a);
    const dvt_jit_operand second = register_or_memory(w, b, next_b);
    dvt_jit_use_up(w, n);
    dvt_jit_vex(w->to, how, dvt_jit_result(w, n, 0, 0), first, second, imm, DVT_JIT_WIDE);
}

static void one_operand(work *w, uint32_t n, const dvt_jit_encoding *how, int imm) {
    const dvt_jit_operand x = register_or_memory(w, w->jit->nodes[n].operand[0], w->after[n][0]);
    dvt_jit_use_up(w, n);
    dvt_jit_vex(w->to, how, dvt_jit_result(w, n, 0, 0), -1, x, imm, DVT_JIT_WIDE);
}

static void shift(work *w, uint32_t n, const dvt_jit_encoding *how) {
    const uint8_t x = dvt_jit_fetch(w, w->jit->nodes[n].operand[0]);
    dvt_jit_use_up(w, n);
    dvt_jit_shift(w->to, how, dvt_jit_result(w, n, 0, 0), x, w->jit->nodes[n].imm);
}

/* no where the mask is clear, else yes */
static void blend(work *w, uint32_t n, const dvt_jit_encoding *how) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const uint8_t mask = dvt_jit_fetch(w, node->operand[0]),
                  no = dvt_jit_fetch(w, node->operand[2]);
    const dvt_jit_operand yes = register_or_memory(w, node->operand[1], w->after[n][1]);
    dvt_jit_use_up(w, n);
    dvt_jit_vex(w->to, how, dvt_jit_result(w, n, 0, 0), no, yes, mask << 4, DVT_JIT_WIDE);
}

/* x * y + z is written over one of its operands: 132 is to = to * m + v, 213 to = v * to + m, 231
 * to = v * m + to, where m may lie in memory. */
static void multiply_add(work *w, uint32_t n, const dvt_jit_encoding *how) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const uint16_t *v = node->operand;
    const uint32_t *after = w->after[n];
    uint32_t x = 0, y = 1, m;
    if (from_memory(w, v[2], after[2]))
        m = 2;
    else if (from_memory(w, v[1], after[1]) || from_memory(w, v[0], after[0]))
        m = 1;
    else
        m = after[2] == NEVER ? 1 : 2; /* registers all: 231 over z, or 213 over a factor */
    if (m == 1 ? !from_memory(w, v[1], after[1]) && from_memory(w, v[0], after[0])
               : after[0] != NEVER) {
        x = 1;
        y = 0;
    }
    /* Over z when z is not read again and not in memory, else over factor x. */
    const int over_z = m == 1 && after[2] == NEVER;
    const uint32_t over = over_z ? 2 : x, other = over_z ? x : m == 2 ? y : 2;
    const uint32_t third = m == 2 ? 2 : y;
    const uint8_t other_reg = dvt_jit_fetch(w, v[other]);
    const uint8_t over_reg = dvt_jit_fetch(w, v[over]);
    const dvt_jit_operand last = register_or_memory(w, v[third], after[third]);
    const int dies = after[over] == NEVER && v[over] != v[other] && v[over] != v[third];
    dvt_jit_encoding form = *how;
    form.opcode = (uint8_t)(how->opcode + (over_z ? 0x20 : m == 2 ? 0x10 : 0));
    dvt_jit_use_up(w, n);
    uint8_t to = over_reg;
    if (dies) {
        hold(w, over_reg, (uint16_t)n);
    } else {
        const uint8_t keep[] = {other_reg, over_reg,
                                last.where == DVT_JIT_IN_REGISTER ? last.reg : other_reg};
        to = dvt_jit_result(w, n, keep, 3);
        move(w, to, dvt_jit_in(over_reg));
    }
    char name[16];
    const size_t stem = strlen(how->mnemonic) - 2;
    memcpy(name, how->mnemonic, stem);
    memcpy(name + stem, over_z ? "231" : m == 2 ? "213" : "132", 3);
    memcpy(name + stem + 3, how->mnemonic + stem, 3);
    form.mnemonic = name;
    dvt_jit_vex(w->to, &form, to, other_reg, last, -1, DVT_JIT_WIDE);
}

static void guard(work *w, uint32_t n) {
    const uint8_t mask = dvt_jit_fetch(w, w->jit->nodes[n].operand[0]);
    dvt_jit_leave_if_any(w->to, mask);
    dvt_jit_use_up(w, n);
}

static void write(work *w, uint32_t n) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const dvt_jit_encoding *how = &dvt_jit_encodings[node->op];
    while (w->n_leaving > 0) w->free_stack[w->n_free_stack++] = w->leaving[--w->n_leaving];
    switch ((dvt_jit_form)how->form) {
    case DVT_FORM_SOURCE: /* written where it is used */
        break;
    case DVT_FORM_RVM:
    case DVT_FORM_RVM_SYMMETRIC:
        two_operands(w, n, how, -1);
        break;
    case DVT_FORM_RVMI:
        two_operands(w, n, how, node->imm);
        break;
    case DVT_FORM_RM:
        one_operand(w, n, how, -1);
        break;
    case DVT_FORM_RMI:
        one_operand(w, n, how, node->imm);
        break;
    case DVT_FORM_VMI:
        shift(w, n, how);
        break;
    case DVT_FORM_FMA:
        multiply_add(w, n, how);
        break;
    case DVT_FORM_BLEND:
        blend(w, n, how);
        break;
    case DVT_FORM_SEQUENCE:
        dvt_jit_sequence(w, n);
        break;
    case DVT_FORM_STORE:
        dvt_jit_write_store(w, n);
        break;
    case DVT_FORM_GUARD:
        guard(w, n);
    }
}

/* Which nodes a store or a guard needs, and when each value is used. */
static void find_uses(work *w, uint8_t *needed) {
    for (uint32_t n = w->jit->n_nodes; n-- > 0;) {
        const dvt_jit_node *node = &w->jit->nodes[n];
        const uint32_t count = dvt_jit_n_operands(node->op);
        const uint8_t form = dvt_jit_encodings[node->op].form;
        if (form == DVT_FORM_STORE || form == DVT_FORM_GUARD) needed[n] = 1;
        if (!needed[n]) continue;
        for (uint32_t i = 0; i < count; i++) {
            needed[node->operand[i]] = 1;
            w->after[n][i] = w->values[node->operand[i]].next_use;
        }
        for (uint32_t i = 0; i < count; i++) w->values[node->operand[i]].next_use = n;
    }
}

void dvt_jit_load_pointers(dvt_jit_assembly *to, uint32_t n_edges) {
    for (uint32_t e = 0; e < n_edges && e < sizeof pointers; e++)
        dvt_jit_load_pointer(to, pointers[e], e);
}

int dvt_jit_assign(dvt_jit *jit, dvt_jit_assembly *to) {
    const size_t n = jit->n_nodes;
    char *memory_block = calloc(n, sizeof(value) + sizeof(uint32_t[3]) + sizeof(uint16_t) + 1);
    if (!memory_block) {
        jit->refused = "there was no memory to give it registers";
        return -1;
    }
    work w = {.jit = jit, .to = to, .values = (value *)(void *)memory_block};
    w.after = (uint32_t (*)[3])(void *)(w.values + n);
    w.free_stack = (uint16_t *)(void *)(w.after + n);
    uint8_t *needed = (uint8_t *)(w.free_stack + n);
    for (size_t v = 0; v < n; v++)
        w.values[v] = (value){.next_use = NEVER, .stack = NONE, .reg = UINT8_MAX};
    for (uint32_t r = 0; r < SCRATCH; r++) w.held[r] = NONE;
    find_uses(&w, needed);
    dvt_jit_loop(to, jit->lanes);
    for (uint32_t i = 0; i < n; i++)
        if (needed[i]) write(&w, i);
    dvt_jit_loop_end(to, jit->lanes);
    to->spills += w.spills;
    free(memory_block);
    return 0;
}
