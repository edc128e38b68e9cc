/* The kernels that read and write at positions of one axis, one file each. */
#ifndef DVT_CPU_GATHER_H
#define DVT_CPU_GATHER_H

#include "dovetail.h"

dvt_status dvt_take_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);
dvt_status dvt_take_along_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);

#endif
