/* Registers for the values of a recording, and its machine code: one pass over straight-line code. When no
 * register is free, the value whose next use is furthest gives way (Belady's rule, as in Poletto and
 * Sarkar's linear scan); constants and plain loads are read again where they are needed, which is all that
 * stores of a vector, which come last, allow. */
#include <stdlib.h>
#include <string.h>

#include "jit.h"
#include "jit_encode.h"

#define NONE UINT16_MAX
#define NEVER UINT32_MAX
#define SCRATCH 15 /* of sequences; values have the registers below it */

/* General registers that hold the first slots' pointers. */
static const uint8_t pointers[] = {1, 3, 8, 9, 10, 11, 12, 13, 14, 15};

typedef struct value {
    uint32_t next_use;
    uint16_t stack; /* its place there, NONE */
    uint8_t reg;    /* UINT8_MAX: none */
    uint8_t pooled; /* a constant: pool is its number */
    uint16_t pool;
} value;

typedef struct work {
    dvt_jit *jit;
    dvt_jit_assembly *to;
    value *values;
    uint32_t (*after)[3];    /* the use of an operand that follows a node's */
    uint16_t held[SCRATCH];  /* value in a register, NONE */
    uint8_t pinned[SCRATCH]; /* read by the instruction at hand */
    uint16_t *free_stack;    /* places on the stack that are free again */
    uint16_t leaving[3];     /* and those that the instruction at hand still reads */
    uint32_t n_free_stack, n_leaving, spills;
} work;

static const dvt_jit_node *node_of(const work *w, uint16_t v) {
    return &w->jit->nodes[v];
}

/* Values that can be had again from memory without having been stored. */
static int is_source(const work *w, uint16_t v) {
    return dvt_jit_encodings[node_of(w, v)->op].form == DVT_FORM_SOURCE;
}

static dvt_jit_operand slot_operand(work *w, const dvt_jit_node *node) {
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
    if (node->op == DVT_JIT_LOAD) return slot_operand(w, node);
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

/* A register for a new content: a free one, or the one that is needed last. */
static uint8_t take(work *w) {
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

/* A value in a register, which stays until the instruction at hand is written. */
static uint8_t fetch(work *w, uint16_t v) {
    if (w->values[v].reg == UINT8_MAX) {
        const uint8_t reg = take(w);
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
    return from_memory(w, v, next) ? memory(w, v) : dvt_jit_in(fetch(w, v));
}

/* The operands' uses by node n are over: registers of those that are not read again are free. */
static void use_up(work *w, uint32_t n) {
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

/* A register for the result of n, after use_up: it may be one of an operand's. */
static uint8_t result(work *w, uint32_t n, const uint8_t *keep, uint32_t n_keep) {
    for (uint32_t i = 0; i < n_keep; i++) w->pinned[keep[i]] = 1;
    const uint8_t reg = take(w);
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
    const uint8_t first = fetch(w, a);
    const dvt_jit_operand second = register_or_memory(w, b, next_b);
    use_up(w, n);
    dvt_jit_vex(w->to, how, result(w, n, 0, 0), first, second, imm, DVT_JIT_WIDE);
}

static void one_operand(work *w, uint32_t n, const dvt_jit_encoding *how, int imm) {
    const dvt_jit_operand x = register_or_memory(w, w->jit->nodes[n].operand[0], w->after[n][0]);
    use_up(w, n);
    dvt_jit_vex(w->to, how, result(w, n, 0, 0), -1, x, imm, DVT_JIT_WIDE);
}

static void shift(work *w, uint32_t n, const dvt_jit_encoding *how) {
    const uint8_t x = fetch(w, w->jit->nodes[n].operand[0]);
    use_up(w, n);
    dvt_jit_shift(w->to, how, result(w, n, 0, 0), x, w->jit->nodes[n].imm);
}

/* no where the mask is clear, else yes */
static void blend(work *w, uint32_t n, const dvt_jit_encoding *how) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const uint8_t mask = fetch(w, node->operand[0]), no = fetch(w, node->operand[2]);
    const dvt_jit_operand yes = register_or_memory(w, node->operand[1], w->after[n][1]);
    use_up(w, n);
    dvt_jit_vex(w->to, how, result(w, n, 0, 0), no, yes, mask << 4, DVT_JIT_WIDE);
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
    const uint8_t other_reg = fetch(w, v[other]);
    const uint8_t over_reg = fetch(w, v[over]);
    const dvt_jit_operand last = register_or_memory(w, v[third], after[third]);
    const int dies = after[over] == NEVER && v[over] != v[other] && v[over] != v[third];
    dvt_jit_encoding form = *how;
    form.opcode = (uint8_t)(how->opcode + (over_z ? 0x20 : m == 2 ? 0x10 : 0));
    use_up(w, n);
    uint8_t to = over_reg;
    if (dies) {
        hold(w, over_reg, (uint16_t)n);
    } else {
        const uint8_t keep[] = {other_reg, over_reg,
                                last.where == DVT_JIT_IN_REGISTER ? last.reg : other_reg};
        to = result(w, n, keep, 3);
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

/* ---- sequences ----------------------------------------------------------------------------------- */

#define EXTRACT DVT_JIT_VEX("vextractf128", STORE, 1, 3, 0x19)
#define TO_F16 DVT_JIT_VEX("vcvtps2ph", STORE, 1, 3, 0x1D)
#define FROM_F16 DVT_JIT_VEX("vcvtph2ps", RM, 1, 2, 0x13)
#define TO_PD DVT_JIT_VEX("vcvtps2pd", RM, 0, 1, 0x5A)
#define TO_PS DVT_JIT_VEX("vcvtpd2ps", RM, 1, 1, 0x5A)

static void load(work *w, uint32_t n, const dvt_jit_encoding *how) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const dvt_jit_operand from = slot_operand(w, node);
    const uint8_t to = result(w, n, 0, 0);
    dvt_jit_vex(w->to, how, to, -1, from, -1, DVT_JIT_NARROW_RM);
    if (node->op == DVT_JIT_LOAD_BF16)
        dvt_jit_shift(w->to, &dvt_jit_encodings[DVT_JIT_SHL_32], to, to, 16);
    if (node->op == DVT_JIT_LOAD_MASK_64) /* 0 or 1 in both halves of a lane */
        dvt_jit_vex(w->to, DVT_JIT_VEX("vpshufd", RMI, 1, 1, 0x70), to, -1, dvt_jit_in(to), 0xA0,
                    DVT_JIT_WIDE);
    if (node->op == DVT_JIT_LOAD_MASK_32 || node->op == DVT_JIT_LOAD_MASK_64) {
        dvt_jit_shift(w->to, &dvt_jit_encodings[DVT_JIT_SHL_32], to, to, 31);
        dvt_jit_shift(w->to, &dvt_jit_encodings[DVT_JIT_SHR_32], to, to, 31);
    }
}

static void sequence(work *w, uint32_t n, const dvt_jit_encoding *how) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    if (dvt_jit_is_load(node->op)) {
        load(w, n, how);
        return;
    }
    const uint8_t x = fetch(w, node->operand[0]);
    const uint8_t y = node->op == DVT_JIT_JOIN_PD ? fetch(w, node->operand[1]) : x;
    use_up(w, n);
    const uint8_t to = result(w, n, 0, 0);
    switch (node->op) {
    case DVT_JIT_LOW_PD:
        dvt_jit_vex(w->to, TO_PD, to, -1, dvt_jit_in(x), -1, DVT_JIT_NARROW_RM);
        break;
    case DVT_JIT_HIGH_PD:
        dvt_jit_vex(w->to, EXTRACT, x, -1, dvt_jit_in(SCRATCH), 1, DVT_JIT_NARROW_RM);
        dvt_jit_vex(w->to, TO_PD, to, -1, dvt_jit_in(SCRATCH), -1, DVT_JIT_NARROW_RM);
        break;
    case DVT_JIT_JOIN_PD: /* `to` may be x or y: y is read first */
        dvt_jit_vex(w->to, TO_PS, SCRATCH, -1, dvt_jit_in(y), -1, DVT_JIT_NARROW_REG);
        dvt_jit_vex(w->to, TO_PS, to, -1, dvt_jit_in(x), -1, DVT_JIT_NARROW_REG);
        dvt_jit_vex(w->to, DVT_JIT_VEX("vinsertf128", RVMI, 1, 3, 0x18), to, to,
                    dvt_jit_in(SCRATCH), 1, DVT_JIT_NARROW_RM);
        break;
    default: /* ROUND_F16, to nearest even */
        dvt_jit_vex(w->to, TO_F16, x, -1, dvt_jit_in(SCRATCH), 0, DVT_JIT_NARROW_RM);
        dvt_jit_vex(w->to, FROM_F16, to, -1, dvt_jit_in(SCRATCH), -1, DVT_JIT_NARROW_RM);
    }
}

/* Bytes 0 or 1 of a mask's lanes, in the scratch register. */
static void pack_mask(work *w, uint8_t mask, int wide) {
    const dvt_jit_operand scratch = dvt_jit_in(SCRATCH);
    dvt_jit_vex(w->to, EXTRACT, mask, -1, scratch, 1, DVT_JIT_NARROW_RM);
    if (wide) /* every other 32 bits of the two halves */
        dvt_jit_vex(w->to, DVT_JIT_VEX("vshufps", RVMI, 0, 1, 0xC6), SCRATCH, mask, scratch, 0x88,
                    DVT_JIT_NARROW);
    dvt_jit_vex(w->to, DVT_JIT_VEX("vpackssdw", RVM, 1, 1, 0x6B), SCRATCH, wide ? SCRATCH : mask,
                scratch, -1, DVT_JIT_NARROW);
    dvt_jit_vex(w->to, DVT_JIT_VEX("vpacksswb", RVM, 1, 1, 0x63), SCRATCH, SCRATCH, scratch, -1,
                DVT_JIT_NARROW);
    dvt_jit_vex(w->to, DVT_JIT_VEX("vpabsb", RM, 1, 2, 0x1C), SCRATCH, -1, scratch, -1,
                DVT_JIT_NARROW);
}

static void store(work *w, uint32_t n, const dvt_jit_encoding *how) {
    const dvt_jit_node *node = &w->jit->nodes[n];
    const uint8_t x = fetch(w, node->operand[0]);
    const dvt_jit_operand to = slot_operand(w, node);
    switch (node->op) {
    case DVT_JIT_STORE:
        dvt_jit_vex(w->to, how, x, -1, to, -1, DVT_JIT_WIDE);
        break;
    case DVT_JIT_STORE_F16:
        dvt_jit_vex(w->to, how, x, -1, to, 0, DVT_JIT_WIDE);
        break;
    case DVT_JIT_STORE_BF16: { /* the high halves: signed saturation keeps them */
        const uint8_t half = take(w);
        dvt_jit_shift(w->to, &dvt_jit_encodings[DVT_JIT_SHR_32], half, x, 16);
        dvt_jit_vex(w->to, EXTRACT, half, -1, dvt_jit_in(SCRATCH), 1, DVT_JIT_NARROW_RM);
        dvt_jit_vex(w->to, DVT_JIT_VEX("vpackssdw", RVM, 1, 1, 0x6B), SCRATCH, half,
                    dvt_jit_in(SCRATCH), -1, DVT_JIT_NARROW);
        dvt_jit_vex(w->to, &dvt_jit_encodings[DVT_JIT_STORE], SCRATCH, -1, to, -1, DVT_JIT_NARROW);
        break;
    }
    case DVT_JIT_STORE_MASK_32:
        pack_mask(w, x, 0);
        dvt_jit_vex(w->to, DVT_JIT_VEX("vmovq", STORE, 1, 1, 0xD6), SCRATCH, -1, to, -1,
                    DVT_JIT_NARROW);
        break;
    default:
        pack_mask(w, x, 1);
        dvt_jit_vex(w->to, DVT_JIT_VEX("vmovd", STORE, 1, 1, 0x7E), SCRATCH, -1, to, -1,
                    DVT_JIT_NARROW);
    }
    use_up(w, n);
}

static void guard(work *w, uint32_t n) {
    const uint8_t mask = fetch(w, w->jit->nodes[n].operand[0]);
    dvt_jit_leave_if_any(w->to, mask);
    use_up(w, n);
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
        sequence(w, n, how);
        break;
    case DVT_FORM_STORE:
        store(w, n, how);
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
