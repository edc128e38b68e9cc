/* Reductions: the primitives over contiguous memory, one set per op and type, and the plan that says
 * which axes go and how memory is walked. */
#ifndef DVT_CPU_REDUCE_H
#define DVT_CPU_REDUCE_H

#include "element.h"
#include "map.h"

/* Ask for memory a page ahead of the `bytes` at `here`: the processor's own look-ahead ends with a page.
 * What lies behind the data may be asked for, too. */
#define DVT_ASK_AHEAD(here, bytes)                                                                 \
    for (size_t ahead = 0; ahead < (bytes); ahead += 64)                                           \
    __builtin_prefetch((const char *)(here) + 4096 + ahead)

/* Elements per block: what one call of `block` gets at most. */
#define DVT_REDUCE_BLOCK 1024

/* One op for one element type. The accumulator has the element's type; 16-bit floats are widened to
 * float32 before and narrowed after. */
typedef struct dvt_reduction {
    /* *result = the reduction of n >= 1 elements; floats with several sums side by side. */
    void (*block)(void *result, const void *x, size_t n);
    /* sums[j] = sums[j] op x[r * stride + j] for all rows r; stride in bytes. */
    void (*rows)(void *sums, const void *x, int64_t stride, size_t n_rows, size_t n);
    const void *start;    /* one accumulator that changes nothing */
    uint32_t size;        /* bytes of an accumulator */
    uint32_t stored;      /* bytes of an element in memory */
    uint32_t picoseconds; /* per element */
    dvt_half half;
    uint32_t may_be_empty; /* 0: a reduction of nothing is an error */
    uint32_t mean;         /* 1: divide by the number of elements at the end */
    const char *name;
} dvt_reduction;

typedef struct dvt_reduce_axis {
    int64_t extent;
    int64_t in;  /* stride of the input in bytes */
    int64_t out; /* stride of the output in bytes; 0 where the axis goes */
} dvt_reduce_axis;

/* Both lists are in the order of memory (the last axis is the nearest), with neighbours that follow
 * each other made one. */
typedef struct dvt_reduce_plan {
    dvt_reduce_axis kept[64];
    dvt_reduce_axis gone[64];
    int32_t n_kept;
    int32_t n_gone;
    int64_t outputs; /* product of kept */
    int64_t each;    /* product of gone: elements per output */
} dvt_reduce_plan;

/* Read the axes of a call. `axis` absent means all. */
void dvt_reduce_make_plan(dvt_reduce_plan *plan, const dvt_tensor *x, const dvt_tensor *y,
                          const dvt_attr *attrs, uint32_t n_attrs, uint32_t in_size,
                          uint32_t out_size);

/* Offsets in bytes of position `index`, in row-major order, on the axes [0, n). */
void dvt_reduce_locate(const dvt_reduce_axis *axes, int32_t n, int64_t index, int64_t *in,
                       int64_t *out);

/* Bit i: axis i of x is in the attribute `axis`; all bits when that is absent. */
uint64_t dvt_reduce_axes(const dvt_attr *attrs, uint32_t n_attrs);

/* The table: by op (sum prod max min any all mean), by type; null where not offered. */
const dvt_reduction *dvt_reduction_of(const char *name, dvt_type type);

#endif
