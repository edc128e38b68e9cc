/* Writing x86-64 machine code, and the same in assembly language beside it. */
#ifndef DVT_CPU_JIT_ENCODE_H
#define DVT_CPU_JIT_ENCODE_H

#include <stddef.h>
#include <stdint.h>

#include "jit_ops.h"

typedef enum dvt_jit_general { /* general registers by their numbers */
                               DVT_JIT_RAX = 0,
                               DVT_JIT_RCX = 1,
                               DVT_JIT_RDX = 2,
                               DVT_JIT_RBX = 3,
                               DVT_JIT_RSP = 4,
                               DVT_JIT_RBP = 5,
                               DVT_JIT_RSI = 6,
                               DVT_JIT_RDI = 7,
                               DVT_JIT_R8 = 8,
} dvt_jit_general;

/* An operand: a vector register or a place in memory. */
typedef enum dvt_jit_where {
    DVT_JIT_IN_REGISTER,
    DVT_JIT_IN_POOL,  /* a constant: at = its number */
    DVT_JIT_ON_STACK, /* a spilled value: at = its number */
    DVT_JIT_IN_SLOT,  /* [base], or [base + rsi * scale] with scale > 0 */
} dvt_jit_where;

typedef struct dvt_jit_operand {
    uint8_t where, reg, base, scale;
    uint32_t at; /* in a slot: bytes behind that address, at most 127 */
} dvt_jit_operand;

typedef struct dvt_jit_assembly {
    uint8_t *code;
    char *listing;
    size_t size, capacity, text, text_capacity, loop, past;
    uint64_t *pool; /* constants: 64 bits each, four times in memory */
    uint32_t n_pool, n_stack, instructions, spills;
    struct { /* displacements into the pool, which is placed when the code is whole */
        uint32_t at, end, constant;
    } *fixes;
    uint32_t n_fixes, most_fixes, most_pool;
    int full; /* something did not fit: what was written is of no use */
} dvt_jit_assembly;

static inline dvt_jit_operand dvt_jit_in(uint8_t reg) {
    return (dvt_jit_operand){.where = DVT_JIT_IN_REGISTER, .reg = reg};
}

/* Which registers of an instruction are of 128 bits. */
typedef enum dvt_jit_width {
    DVT_JIT_WIDE,
    DVT_JIT_NARROW, /* all: the instruction is of 128 bits */
    DVT_JIT_NARROW_RM,
    DVT_JIT_NARROW_REG,
} dvt_jit_width;

/* One VEX instruction. `vvvv`: the second source, or -1; `imm`: -1 for none. Where how->form is
 * DVT_FORM_STORE, `rm` is what it writes. */
void dvt_jit_vex(dvt_jit_assembly *a, const dvt_jit_encoding *how, uint8_t reg, int vvvv,
                 dvt_jit_operand rm, int imm, dvt_jit_width width);
/* A shift by an immediate. */
void dvt_jit_shift(dvt_jit_assembly *a, const dvt_jit_encoding *how, uint8_t to, uint8_t from,
                   uint8_t imm);
/* Words for instructions that dvt_jit_encodings lacks. */
#define DVT_JIT_VEX(name, form_, prefix_, map_, opcode_)                                           \
    (&(const dvt_jit_encoding){.mnemonic = name,                                                   \
                               .form = DVT_FORM_##form_,                                           \
                               .prefix = prefix_,                                                  \
                               .map = map_,                                                        \
                               .opcode = opcode_})

/* mov reg, [rdi + 8 * slot] */
void dvt_jit_load_pointer(dvt_jit_assembly *a, uint8_t reg, uint32_t slot);
/* Leave the loop where a lane of the mask is set. */
void dvt_jit_leave_if_any(dvt_jit_assembly *a, uint8_t mask);

/* The start of a function of (rdi: pointers of slots, rsi: first element, rdx: end). */
void dvt_jit_begin(dvt_jit_assembly *a);
/* A loop around what is written between the two, for as long as `lanes` more elements are wanted. */
void dvt_jit_loop(dvt_jit_assembly *a, uint32_t lanes);
void dvt_jit_loop_end(dvt_jit_assembly *a, uint32_t lanes);
/* The end: fills in the frame and appends the constants. */
void dvt_jit_finish(dvt_jit_assembly *a);
/* The number of a constant in the pool. */
uint32_t dvt_jit_pooled(dvt_jit_assembly *a, uint64_t bits);

#endif
