/* Indices (int32 or int64, negative ones from the end) as positions, and what is said of wrong ones. */
#ifndef DVT_CPU_GATHER_INDEX_H
#define DVT_CPU_GATHER_INDEX_H

#include "dovetail.h"

/* Positions that a kernel resolves at a time. */
#define DVT_INDEX_BLOCK 256

/* The words of dvt_kernel_def.types for the variable of indices. */
#define DVT_INDEX_WORDS "J=i32|i64"

/* Elements of an operand: how many before the axis, along it and behind it. */
typedef struct dvt_axis_split {
    int64_t outer, extent, inner;
} dvt_axis_split;

static inline dvt_axis_split dvt_split_at(const dvt_tensor *t, int32_t axis) {
    dvt_axis_split split = {1, t->shape[axis], 1};
    for (int32_t i = 0; i < axis; i++) split.outer *= t->shape[i];
    for (int32_t i = axis + 1; i < t->ndim; i++) split.inner *= t->shape[i];
    return split;
}

/* Positions of n contiguous indices from element `first` on, into `to`. A wrong index becomes
 * position 0 and makes the answer 0, otherwise the answer is 1. */
int dvt_index_resolve(int64_t *to, const void *indices, uint32_t size, int64_t first, int64_t n,
                      int64_t extent);

/* The same of a whole contiguous tensor over the host's threads; `to` may be null to check only. */
int dvt_index_resolve_all(const dvt_host *host, int64_t *to, const dvt_tensor *indices,
                          int64_t extent);

/* The error for the first wrong index, in row-major order, of a tensor that has one. */
dvt_status dvt_index_fail(const char *op, const dvt_tensor *indices, int32_t axis, int64_t extent,
                          dvt_error *error);

/* What prepare must check: `axis` is one of the first operand's, which has types of this device and
 * as many operands as the op has. Gives the size of an element, 0 when the answer is `status`. */
uint32_t dvt_gather_check(const dvt_op *op, uint32_t n_inputs, int32_t *axis, dvt_kernel_info *info,
                          dvt_error *error, dvt_status *status);

#endif
