/* Primitives over lines of floats for softmax and its kin, one set for float32 and one for float64.
 * A line along the contiguous axis is worked on as blocks; lines along another axis are worked on
 * side by side, a row of columns at a time. */
#ifndef DVT_CPU_LINE_H
#define DVT_CPU_LINE_H

#include "element.h"
#include "map.h"
#include "reduce.h"

/* Elements of a block along a line, and columns side by side. */
#define DVT_LINE_BLOCK 1024
#define DVT_LINE_COLUMNS 256

typedef struct dvt_line_kind {
    size_t size;   /* bytes of an element while it is computed with */
    size_t stored; /* bytes in memory */
    dvt_half half; /* how it is stored */
    /* y = e^(x - m); gives the sum of y, which is at most a block */
    double (*exp_sum)(void *y, const void *x, double m, size_t n);
    void (*scale)(void *y, double factor, size_t n);                     /* y = y * factor */
    void (*shift)(void *y, const void *x, double m, double l, size_t n); /* y = (x - m) - l */
    /* adds (x - m)^2 over n elements, at most a block, to sums[0] and x - m to sums[1] */
    void (*spread)(double sums[2], const void *x, double m, size_t n);
    /* y = ((x - m) - l) * r * scale + bias */
    void (*affine)(void *y, const void *x, double m, double l, double r, const void *scale,
                   const void *bias, size_t n);
    /* the same side by side: m, sums, factor and l are rows themselves */
    void (*columns_exp_sum)(void *y, void *sums, const void *x, const void *m, size_t n);
    void (*columns_scale)(void *y, const void *factor, size_t n);
    void (*columns_shift)(void *y, const void *x, const void *m, const void *l, size_t n);
    void (*columns_log)(void *to, const void *x, size_t n);
    void (*columns_reciprocal)(void *to, const void *x, size_t n);
    const dvt_reduction *max;
    const dvt_reduction *sum;
} dvt_line_kind;

/* Fill the set for a float type; 0 for other types. */
int dvt_line_kind_of(dvt_type type, dvt_line_kind *kind);

/* n <= DVT_LINE_BLOCK stored elements to compute with: where they lie, or widened into room. */
const void *dvt_line_read(const dvt_line_kind *kind, const void *stored, void *room, size_t n);

/* n computed elements to where they are stored, unless they are there already. */
void dvt_line_write(const dvt_line_kind *kind, void *stored, const void *computed, size_t n);

/* max and sum of a line of any length, contiguous as stored. */
double dvt_line_max(const dvt_line_kind *kind, const void *stored, int64_t n);
double dvt_line_sum(const dvt_line_kind *kind, const void *stored, int64_t n);

#endif
