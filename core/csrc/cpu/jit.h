/* Code for tile programs: a chain is recorded as instructions on 256-bit registers, registers are given to
 * its values, and machine code is written, all in microseconds and without a compiler.
 *
 * What an op computes is written once, against vec.h: compiled with vec_record.h those expressions do not
 * compute but record themselves here. So code in registers and the block functions of the interpreter make
 * the same instructions in the same order, and their results agree to the last bit.
 *
 * x86-64 with AVX2, FMA and F16C; on AVX-512 machines too, where 256 bits are as fast for such chains.
 * Elsewhere, where executable memory is refused, with DOVETAIL_JIT=0, and for what cannot be recorded
 * (integers, functions of the C library, float32 and float64 in one program), the interpreter runs. */
#ifndef DVT_CPU_JIT_H
#define DVT_CPU_JIT_H

#include "jit_ops.h"
#include "tile_program.h"

#define DVT_JIT_REGISTERS 16
#define DVT_JIT_MOST_NODES 4096 /* longer chains are left to the interpreter */
#define DVT_JIT_BUCKETS 1024

/* One instruction, or a source of values: SSA, in the order of execution. */
typedef struct dvt_jit_node {
    uint8_t op;    /* a dvt_jit_op */
    uint8_t imm;   /* of comparisons, roundings and shifts */
    uint8_t part;  /* of loads and stores in an unrolled chain: which of its vectors */
    uint8_t live;  /* scratch of jit_compile.c */
    uint16_t edge; /* of loads and stores: the program's slot */
    uint16_t operand[3];
    uint64_t bits; /* of a constant, which fills the register with copies of it */
} dvt_jit_node;

/* The recording. */
typedef struct dvt_jit {
    dvt_jit_node *nodes;
    const dvt_tile_slot *edges; /* the code finds their pointers by number */
    uint32_t n_nodes, n_edges;
    uint32_t vector, lanes; /* elements of a vector, and of a turn of the loop */
    uint16_t *buckets;      /* of a hash table of nodes: equal ones are recorded once */
    const char *refused;    /* why this chain cannot be recorded; null: it can */
} dvt_jit;

/* A value while it is recorded: a node, or a constant that no node has used yet (jit is null). */
typedef struct dvt_jit_value {
    dvt_jit *jit;
    uint64_t bits;
    uint32_t node;
} dvt_jit_value;

#define DVT_JIT_LOST UINT32_MAX /* node of a constant whose value is not known */

/* Record an instruction of n operands; operands that are constants become nodes. Of constants alone it
 * gives a constant. */
dvt_jit_value dvt_jit_emit(dvt_jit_op op, uint8_t imm, uint32_t n, const dvt_jit_value *operands);
/* Record a load of a slot, or a store of a value to one. */
dvt_jit_value dvt_jit_load(dvt_jit *jit, dvt_jit_op op, uint32_t edge);
void dvt_jit_store(dvt_jit *jit, dvt_jit_op op, uint32_t edge, dvt_jit_value value);

/* Copies of a chain on neighbouring vectors, in turns: none waits for another's results. `to` has room for
 * copies * from->n_nodes nodes; `moved`, for from->n_nodes numbers, is scratch. */
void dvt_jit_unroll(const dvt_jit *from, uint32_t copies, dvt_jit *to, uint16_t *moved);

/* What an op computes, as an expression that records itself. */
typedef struct dvt_jit_function {
    const char *op;
    const char *kinds; /* result, then operands: f of float32, d of float64, b of bool */
    dvt_jit_value (*record)(const dvt_jit_value *x);
} dvt_jit_function;

/* By an op's name ("gelu_tanh" for that form of gelu, "multiply_add" for x * y + z rounded twice) and the
 * types of its result and n - 1 operands; null: it has no recording. */
const dvt_jit_function *dvt_jit_find(const char *op, const dvt_type *types, uint32_t n);
/* A float32 in the bits that a 16-bit type keeps of it. */
dvt_jit_value dvt_jit_narrow(dvt_half half, dvt_jit_value x);

/* Machine code. It computes elements first up to (not including) end, whole vectors of them, and returns
 * end, or the start of a vector that only the interpreter computes rightly (nothing of it is stored). */
typedef int64_t (*dvt_jit_entry)(void *const *slots, int64_t first, int64_t end);

typedef struct dvt_jit_code {
    dvt_jit_entry entry;
    void *memory;
    size_t size;
    char *listing; /* a line about it, then assembly language */
    uint32_t lanes;
} dvt_jit_code;

/* Code for a program, or null; then program->why says why the interpreter runs it. */
dvt_jit_code *dvt_jit_compile(dvt_tile_program *program);
void dvt_jit_free(dvt_jit_code *code);

/* jit_memory.c: a copy of machine code that may be executed and no longer written; null: refused. */
void *dvt_jit_make_executable(const void *code, size_t size);
void dvt_jit_release(void *memory, size_t size);

/* jit_registers.c: load the first slots' pointers, once; and write a loop that computes jit->lanes elements
 * a turn: 0, or -1 with jit->refused. */
struct dvt_jit_assembly;
void dvt_jit_load_pointers(struct dvt_jit_assembly *to, uint32_t n_edges);
int dvt_jit_assign(dvt_jit *jit, struct dvt_jit_assembly *to);

#endif
