/* Element-wise kernels: a function over contiguous blocks, and everything around it. */
#ifndef DVT_CPU_MAP_H
#define DVT_CPU_MAP_H

#include "element.h"

#define DVT_MAP_MAX_OPERANDS 4 /* one output, three inputs */

/* Compute n elements. p[0] is the output, which may be one of the inputs; none may overlap it
 * otherwise. */
typedef void (*dvt_map_fn)(void *const *p, size_t n);

/* 16-bit floats are computed in float32: the function sees float where the tensor holds 16 bits. */
typedef enum dvt_half { DVT_HALF_NONE, DVT_HALF_F16, DVT_HALF_BF16 } dvt_half;

typedef struct dvt_map {
    dvt_map_fn fn;                      /* null: this type is not offered */
    uint32_t n_inputs;                  /* 1, 2 or 3 */
    uint32_t picoseconds;               /* per element, in cache: a rough figure */
    uint32_t any_half;                  /* 1 when an operand is of a 16-bit float type */
    uint8_t half[DVT_MAP_MAX_OPERANDS]; /* a dvt_half each: output, then inputs */
    uint8_t size[DVT_MAP_MAX_OPERANDS]; /* bytes of an element as stored */
} dvt_map;

/* One op: its kernel for each type of its first input. */
typedef struct dvt_map_op {
    const char *name;
    const dvt_map *by_type; /* DVT_N_TYPES of them */
} dvt_map_op;

/* dvt_kernel_def.run of every element-wise kernel; call.kernel is the dvt_map. */
dvt_status dvt_map_run(const dvt_call *call, dvt_error *error);

/* n contiguous elements of every operand, as stored. */
void dvt_map_compute(const dvt_map *map, char *const *data, int64_t n);

/* What a family's prepare does: find the op by name and its kernel by type. */
dvt_status dvt_map_prepare(const dvt_map_op *ops, size_t n_ops, const dvt_op *op,
                           dvt_kernel_info *info);

/* Fill an answer for a map found in some other way. */
void dvt_map_answer(const dvt_map *map, const dvt_op *op, dvt_kernel_info *info);

/* Rows of a family share their functions. */
#define DVT_MAP_ROW(op_name, type_words, prepare_fn)                                               \
    {.op = op_name,                                                                                \
     .types = type_words,                                                                          \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = DVT_KERNEL_STRIDED,                                                                  \
     .prepare = prepare_fn}

#define DVT_UNARY_MAP(function, type, cost)                                                        \
    {                                                                                              \
        .fn = function, .n_inputs = 1, .picoseconds = cost, .size = {sizeof(type), sizeof(type)}   \
    }
#define DVT_BINARY_MAP(function, type, cost)                                                       \
    {                                                                                              \
        .fn = function, .n_inputs = 2, .picoseconds = cost,                                        \
        .size = {sizeof(type), sizeof(type), sizeof(type)}                                         \
    }
#define DVT_UNARY_HALF(function, kind, cost)                                                       \
    {.fn = function,                                                                               \
     .n_inputs = 1,                                                                                \
     .picoseconds = cost,                                                                          \
     .any_half = 1,                                                                                \
     .half = {kind, kind},                                                                         \
     .size = {2, 2}}
#define DVT_BINARY_HALF(function, kind, cost)                                                      \
    {.fn = function,                                                                               \
     .n_inputs = 2,                                                                                \
     .picoseconds = cost,                                                                          \
     .any_half = 1,                                                                                \
     .half = {kind, kind, kind},                                                                   \
     .size = {2, 2, 2}}
#define DVT_TERNARY_MAP(function, type, cost)                                                      \
    {                                                                                              \
        .fn = function, .n_inputs = 3, .picoseconds = cost,                                        \
        .size = {sizeof(type), sizeof(type), sizeof(type), sizeof(type)}                           \
    }
#define DVT_TERNARY_HALF(function, kind, cost)                                                     \
    {.fn = function,                                                                               \
     .n_inputs = 3,                                                                                \
     .picoseconds = cost,                                                                          \
     .any_half = 1,                                                                                \
     .half = {kind, kind, kind, kind},                                                             \
     .size = {2, 2, 2, 2}}

#endif
