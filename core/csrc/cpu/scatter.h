/* Writing at positions of one axis. All indices are checked before anything is written, and every
 * element of the result is written by one thread, in the order of the indices: results do not depend
 * on the number of threads, and a wrong index leaves an operand that is written over as it was. */
#ifndef DVT_CPU_SCATTER_H
#define DVT_CPU_SCATTER_H

#include "dovetail.h"
#include "element.h"
#include "map.h"

/* Columns of a result that are treated at a time, and 16-bit floats that are widened at a time. */
#define DVT_SCATTER_COLUMNS 512

/* n elements of one update to one row: added, multiplied, set, ... */
typedef void (*dvt_scatter_row_fn)(void *row, const void *update, int64_t n);

/* Whole updates of `width` elements, one behind the other, to the rows at positions[0 .. n). */
typedef void (*dvt_scatter_rows_fn)(void *to, const void *updates, const int64_t *positions,
                                    int64_t n, int64_t width);

/* Single elements, the columns of a row one after the other and then those of the next: update i is
 * added to element positions[i] * to_stride + its column, which begins at `first` and is below
 * `width`. */
typedef void (*dvt_scatter_along_fn)(void *to, int64_t to_stride, const void *updates,
                                     const int64_t *positions, int64_t n, int64_t first,
                                     int64_t width);

typedef struct dvt_scattering {
    const char *name;
    dvt_scatter_row_fn row;
    dvt_scatter_rows_fn rows;
    dvt_scatter_along_fn along;
    dvt_half half;     /* computed in float32 and rounded when all is done */
    uint32_t size;     /* of an element as stored */
    uint32_t sum_size; /* of an element as added */
    int last_wins;     /* earlier updates of a row leave no trace */
} dvt_scattering;

/* The functions of an op for a type; null when the op has none. */
const dvt_scattering *dvt_scattering_of(const char *op, dvt_type type);

/* n stored elements as they are added, and back; nothing happens when they are there already. */
void dvt_scatter_load(const dvt_scattering *s, void *to, const void *x, int64_t n);
void dvt_scatter_store(const dvt_scattering *s, void *to, const void *from, int64_t n);

dvt_status dvt_scatter_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
dvt_status dvt_scatter_along_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);

#endif
