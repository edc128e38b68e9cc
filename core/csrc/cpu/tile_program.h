/* A tile program: a chain of element-wise ops over arrays of one shape, run tile by tile so
 * that everything between loads and stores stays in the first cache. An instruction is a call
 * of the same block function that the op's own kernel uses (map.h), so results do not depend on
 * whether ops run one by one or in a program; only 16-bit floats stay in float32 from one op to
 * the next. */
#ifndef DVT_CPU_TILE_PROGRAM_H
#define DVT_CPU_TILE_PROGRAM_H

#include "map.h"

typedef enum dvt_tile_kind {
    DVT_TILE_COMPUTE, /* fn */
    DVT_TILE_WIDEN,   /* 16 bits to float32 */
    DVT_TILE_NARROW,  /* float32 to 16 bits */
    DVT_TILE_COPY,
} dvt_tile_kind;

struct dvt_jit_function;
struct dvt_jit_code;

typedef struct dvt_tile_instruction {
    dvt_map_fn fn;
    const struct dvt_jit_function *function; /* the same as a recording (jit.h), null: none */
    const char *op;
    uint8_t kind, half,
        size;        /* half: also of what `where` moves; size: bytes of an element, of a copy */
    uint8_t n_slots; /* result and operands */
    uint32_t slot[DVT_MAP_MAX_OPERANDS];
} dvt_tile_instruction;

typedef enum dvt_tile_place {
    DVT_TILE_REGISTER, /* a tile in the workspace */
    DVT_TILE_INPUT,    /* call.inputs[index], broadcast to the program's shape */
    DVT_TILE_CONSTANT, /* constants[index], broadcast to the program's shape */
    DVT_TILE_OUTPUT,   /* call.outputs[index] */
} dvt_tile_place;

/* Where an instruction finds an operand. Inputs and outputs that are contiguous are used where they
 * lie; for others the slot's tile in the workspace is filled before, or written out after. */
typedef struct dvt_tile_slot {
    uint8_t place, size; /* size: bytes of an element */
    uint8_t scalar;      /* an input or constant of one element */
    uint32_t index;
    uint32_t offset; /* of the slot's tile in a worker's tiles, in bytes */
} dvt_tile_slot;

typedef struct dvt_tile_program {
    uint32_t n_slots, n_edges; /* the first n_edges slots are inputs, constants and outputs */
    uint32_t n_instructions, n_constants;
    uint32_t tile; /* elements */
    uint32_t threads;
    uint64_t picoseconds; /* per element */
    uint64_t may_alias;
    uint64_t worker_bytes, tiles_at; /* a worker's workspace; where its tiles begin */
    int64_t size;                    /* elements of the shape */
    int32_t ndim;
    int64_t *shape;
    dvt_tile_slot *slots;
    dvt_tile_instruction *instructions;
    const dvt_tensor **constants; /* the graph's own */
    struct dvt_jit_code *code;    /* null: the interpreter runs the instructions */
    char why[96];                 /* there is no code */
} dvt_tile_program;

/* The block function of a node, or null: not element-wise, or no kernel for its types. */
const dvt_map *dvt_tile_lookup(const dvt_graph *graph, const dvt_node *node, dvt_device *device,
                               const dvt_host *host);
int dvt_tile_is_broadcast(const dvt_node *node);

/* Composites that have no kernel row of their own. */
const dvt_map *dvt_tile_composite(const dvt_node *node, dvt_type type);
/* An op's name with the form that an attribute chooses: "gelu_tanh". */
const char *dvt_tile_word(const dvt_node *node);
/* x * y + z of one float type, rounded twice as the two ops are; null for other types. */
const dvt_map *dvt_tile_multiply_add(dvt_type type);

/* tile_layout.c: the last steps of compiling. */
void dvt_tile_lay_out(dvt_tile_program *program);
void dvt_tile_find_aliases(dvt_tile_program *program, const dvt_graph *graph);
/* Whether an update in place is asked for that this program would not survive. */
int dvt_tile_breaks_alias(const dvt_tile_program *program, const dvt_graph *graph);

dvt_status dvt_tile_compile(const dvt_compile_desc *desc, dvt_tile_program **program,
                            const char **reason, dvt_error *error);
/* Bytes at the start of a worker's workspace that dvt_tile_run needs beside the tiles. */
uint64_t dvt_tile_table_bytes(const dvt_tile_program *program);
dvt_status dvt_tile_run(const dvt_tile_program *program, const dvt_call *call, dvt_error *error);
void dvt_tile_free(dvt_tile_program *program);

#endif
