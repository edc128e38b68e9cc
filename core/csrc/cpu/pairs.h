/* Kernels of complex numbers that are not those of real ones on other views. */
#ifndef DVT_CPU_PAIRS_H
#define DVT_CPU_PAIRS_H

#include "dovetail.h"
#include "strided_loop.h"

/* copy, where and full of elements as they are. */
dvt_status dvt_pairs_copy_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
dvt_status dvt_pairs_where_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
dvt_status dvt_pairs_full_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
/* Arithmetic, parts and comparisons. */
dvt_status dvt_pairs_arithmetic_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
/* sum and mean over the last axes of contiguous arrays. */
dvt_status dvt_pairs_sum_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);

/* Elements from one to the next of an operand of n elements: 1, 0 for one number everywhere, and -1
 * for any other view. */
static inline int dvt_pairs_step(const dvt_tensor *t, int64_t n) {
    if (dvt_contiguous_size(t) == n) return 1;
    for (int32_t i = 0; i < t->ndim; i++)
        if (t->shape[i] != 1 && t->strides[i] != 0) return -1;
    return 0;
}

#endif
