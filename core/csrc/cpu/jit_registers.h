/* What writing the code of a recording works with: which value is in which register. */
#ifndef DVT_CPU_JIT_REGISTERS_H
#define DVT_CPU_JIT_REGISTERS_H

#include "jit.h"
#include "jit_encode.h"

#define DVT_JIT_NONE UINT16_MAX
#define DVT_JIT_SCRATCH 15 /* of sequences; values have the registers below it */

typedef struct dvt_jit_held {
    uint32_t next_use;
    uint16_t stack; /* its place there, DVT_JIT_NONE */
    uint8_t reg;    /* UINT8_MAX: none */
    uint8_t pooled; /* a constant: pool is its number */
    uint16_t pool;
} dvt_jit_held;

typedef struct dvt_jit_work {
    dvt_jit *jit;
    dvt_jit_assembly *to;
    dvt_jit_held *values;
    uint32_t (*after)[3];            /* the use of an operand that follows a node's */
    uint16_t held[DVT_JIT_SCRATCH];  /* value in a register, DVT_JIT_NONE */
    uint8_t pinned[DVT_JIT_SCRATCH]; /* read by the instruction at hand */
    uint16_t *free_stack;            /* places on the stack that are free again */
    uint16_t leaving[3];             /* and those that the instruction at hand still reads */
    uint32_t n_free_stack, n_leaving, spills;
} dvt_jit_work;

/* A value in a register, which stays until the instruction at hand is written. */
uint8_t dvt_jit_fetch(dvt_jit_work *w, uint16_t v);
/* A register for a new content: a free one, or that of the value that is needed last. */
uint8_t dvt_jit_take(dvt_jit_work *w);
/* The operands' uses by node n are over: registers of those that are not read again are free. */
void dvt_jit_use_up(dvt_jit_work *w, uint32_t n);
/* A register for the result of n, after dvt_jit_use_up: it may be one of an operand's, but none of `keep`. */
uint8_t dvt_jit_result(dvt_jit_work *w, uint32_t n, const uint8_t *keep, uint32_t n_keep);
/* Where a load or a store finds its slot. */
dvt_jit_operand dvt_jit_slot(dvt_jit_work *w, const dvt_jit_node *node);

/* jit_sequences.c: nodes that are several instructions. */
void dvt_jit_sequence(dvt_jit_work *w, uint32_t n);
void dvt_jit_write_store(dvt_jit_work *w, uint32_t n);

#endif
