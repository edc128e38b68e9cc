/* program.h: a group of element-wise nodes as a program of the chip. */
#ifndef PROGRAM_H
#define PROGRAM_H

#include "element.h"
#include "task.h"

/* Where an instruction reads and writes: two bits of kind, the rest is a number. */
#define REF_OPERAND 0u  /* an input or output of the call */
#define REF_CONSTANT 1u /* `count` elements of program memory */
#define REF_REGISTER 2u /* TILE elements of workspace */
#define REF(kind, number) ((kind) << 30 | (uint32_t)(number))
#define REF_KIND(ref) ((ref) >> 30)
#define REF_NUMBER(ref) ((ref) & 0x3fffffffu)

#define TILE 256      /* elements per pass: what the registers hold */
#define OP_MOVE 1000u /* instruction.op beyond element_ops: x to z */

typedef struct instruction {
    uint32_t op; /* index into element_ops */
    uint32_t x, y, z;
} instruction;

/* Immutable once made, so that any number of streams may run it at once. */
struct dvt_executable {
    task task;     /* first: what a command runs */
    uint32_t type; /* element_type of all values */
    uint32_t n_instructions, n_constants, n_registers;
    uint64_t count; /* elements of every value */
    uint64_t may_alias;
    dvt_device *device;
    char description[96];
    instruction *instructions; /* behind this struct, in the same allocation */
    unsigned char *constants;  /* behind the instructions */
};

/* Room for a program; its arrays are zero. Null: no host memory. */
dvt_executable *program_new(uint32_t n_instructions, uint32_t n_constants, uint64_t count,
                            element_type type);
/* Whether every reference lies in range: bytes from a file are not trusted. */
bool program_is_sound(const dvt_executable *p);
/* What follows from the instructions: sizes, aliases, description; and the host's answer. */
void program_finish(dvt_executable *p, dvt_device *device, dvt_executable_info *info);

dvt_status program_compile(const dvt_compile_desc *desc, dvt_executable **executable,
                           dvt_executable_info *info, dvt_error *error);
dvt_status program_save(dvt_executable *p, const dvt_blob *blob, dvt_error *error);
dvt_status program_load(const dvt_blob *blob, dvt_executable **executable,
                        dvt_executable_info *info, dvt_error *error);

/* Null when a program may hold the node, else why not (partition.c). */
const char *partition_refusal(const dvt_graph *graph, const dvt_node *node);
dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims, dvt_error *error);

extern const dvt_graph_api graph_api;

#endif
