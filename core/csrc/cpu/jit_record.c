/* Recording the instructions of a chain. */
#include "jit.h"

#include <math.h>
#include <string.h>

#define NONE UINT16_MAX

const dvt_jit_encoding dvt_jit_encodings[DVT_JIT_N_OPS] = {
#define ENCODING(name, mnemonic, form, prefix, map, w, opcode)                                     \
    [DVT_JIT_##name] = {mnemonic, DVT_FORM_##form, prefix, map, w, opcode},
    DVT_JIT_OPS(ENCODING)};

static int is_effect(uint8_t op) {
    return dvt_jit_encodings[op].form == DVT_FORM_STORE;
}

static int equal(const dvt_jit_node *a, const dvt_jit_node *b) {
    return a->op == b->op && a->imm == b->imm && a->edge == b->edge && a->bits == b->bits &&
           memcmp(a->operand, b->operand, sizeof a->operand) == 0;
}

/* Append a node, or find the equal one. Loads see what was there before any store, as all stores of a
 * vector come behind its last load. */
static uint32_t add(dvt_jit *jit, const dvt_jit_node *node) {
    uint64_t hash =
        node->bits + node->op * UINT64_C(0x9E3779B97F4A7C15) + node->edge * 31u + node->imm;
    for (int i = 0; i < 3; i++) hash = (hash ^ node->operand[i]) * UINT64_C(0x100000001B3);
    uint32_t at = (uint32_t)(hash >> 33) % DVT_JIT_BUCKETS;
    for (uint32_t tries = 0; tries < DVT_JIT_BUCKETS; tries++, at = (at + 1) % DVT_JIT_BUCKETS) {
        const uint16_t there = jit->buckets[at];
        if (there == NONE) break;
        if (!is_effect(node->op) && equal(&jit->nodes[there], node)) return there;
    }
    if (jit->n_nodes == DVT_JIT_MOST_NODES) {
        jit->refused = "it is too long";
        return 0;
    }
    jit->nodes[jit->n_nodes] = *node;
    if (jit->buckets[at] == NONE) jit->buckets[at] = (uint16_t)jit->n_nodes;
    return jit->n_nodes++;
}

static uint16_t as_node(dvt_jit *jit, dvt_jit_value value) {
    if (value.jit) return (uint16_t)value.node;
    if (value.node == DVT_JIT_LOST)
        jit->refused = "arithmetic of constants alone has no recording yet";
    const dvt_jit_node constant = {.op = DVT_JIT_CONSTANT, .bits = value.bits};
    return (uint16_t)add(jit, &constant);
}

static double as_double(uint64_t bits) {
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* Of constants alone: what vec_math.h does with them is logic and float64 sums. */
static dvt_jit_value fold(dvt_jit_op op, uint32_t n, const dvt_jit_value *x) {
    dvt_jit_value value = {.bits = x[0].bits};
    const uint64_t y = n > 1 ? x[1].bits : 0;
    double sum;
    for (uint32_t i = 0; i < n; i++)
        if (x[i].node == DVT_JIT_LOST) value.node = DVT_JIT_LOST;
    switch (op) {
    case DVT_JIT_AND:
        value.bits &= y;
        break;
    case DVT_JIT_ANDN:
        value.bits = ~value.bits & y;
        break;
    case DVT_JIT_OR:
        value.bits |= y;
        break;
    case DVT_JIT_XOR:
        value.bits ^= y;
        break;
    case DVT_JIT_ADD_PD:
        sum = as_double(value.bits) + as_double(y);
        memcpy(&value.bits, &sum, sizeof sum);
        break;
    default:
        value.node = DVT_JIT_LOST;
    }
    return value;
}

dvt_jit_value dvt_jit_emit(dvt_jit_op op, uint8_t imm, uint32_t n, const dvt_jit_value *operands) {
    dvt_jit *jit = 0;
    for (uint32_t i = 0; i < n && !jit; i++) jit = operands[i].jit;
    if (!jit) return fold(op, n, operands);
    dvt_jit_node node = {.op = (uint8_t)op, .imm = imm, .operand = {NONE, NONE, NONE}};
    for (uint32_t i = 0; i < n; i++) node.operand[i] = as_node(jit, operands[i]);
    return (dvt_jit_value){.jit = jit, .node = add(jit, &node)};
}

dvt_jit_value dvt_jit_load(dvt_jit *jit, dvt_jit_op op, uint32_t edge) {
    const dvt_jit_node node = {
        .op = (uint8_t)op, .edge = (uint16_t)edge, .operand = {NONE, NONE, NONE}};
    return (dvt_jit_value){.jit = jit, .node = add(jit, &node)};
}

void dvt_jit_store(dvt_jit *jit, dvt_jit_op op, uint32_t edge, dvt_jit_value value) {
    const dvt_jit_node node = {
        .op = (uint8_t)op, .edge = (uint16_t)edge, .operand = {as_node(jit, value), NONE, NONE}};
    add(jit, &node);
}

/* The same for all vectors. */
static int is_shared(const dvt_jit *jit, uint32_t n) {
    const dvt_jit_node *node = &jit->nodes[n];
    return node->op == DVT_JIT_CONSTANT ||
           (dvt_jit_is_load(node->op) && jit->edges[node->edge].scalar);
}

void dvt_jit_unroll(const dvt_jit *from, uint32_t copies, dvt_jit *to, uint16_t *moved) {
    to->n_nodes = 0;
    for (uint32_t n = 0; n < from->n_nodes; n++) {
        const dvt_jit_node *node = &from->nodes[n];
        const uint32_t count = dvt_jit_n_operands(node->op);
        moved[n] = (uint16_t)to->n_nodes;
        for (uint32_t c = 0; c < (is_shared(from, n) ? 1 : copies); c++) {
            dvt_jit_node *copy = &to->nodes[to->n_nodes++];
            *copy = *node;
            copy->part = (uint8_t)c;
            for (uint32_t i = 0; i < count; i++) {
                const uint16_t v = node->operand[i];
                copy->operand[i] = (uint16_t)(moved[v] + (is_shared(from, v) ? 0 : c));
            }
        }
    }
}
