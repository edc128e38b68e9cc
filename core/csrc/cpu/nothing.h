/* Products over nothing: an operand or a result without elements. */
#ifndef DVT_CPU_NOTHING_H
#define DVT_CPU_NOTHING_H

#include "dovetail.h"

/* When an operand or the result has no elements, fill in the answer, a kernel that writes zeros, and
 * return 1: plans that divide work by extents need not think of 0. */
int dvt_nothing(const dvt_op *op, dvt_kernel_info *info);

#endif
