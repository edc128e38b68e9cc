/* The kernels that bring elements to other places, one file each. */
#ifndef DVT_CPU_SHUFFLE_H
#define DVT_CPU_SHUFFLE_H

#include "dovetail.h"

dvt_status dvt_pad_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
dvt_status dvt_concat_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
dvt_status dvt_roll_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);

#endif
