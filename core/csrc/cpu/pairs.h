/* Kernels of complex numbers that are not those of real ones on other views. */
#ifndef DVT_CPU_PAIRS_H
#define DVT_CPU_PAIRS_H

#include "dovetail.h"

/* copy, where and full of elements as they are. */
dvt_status dvt_pairs_copy_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
dvt_status dvt_pairs_where_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
dvt_status dvt_pairs_full_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
/* sum and mean over the last axes of contiguous arrays. */
dvt_status dvt_pairs_sum_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);

#endif
