/* What kernels that write a given value have in common: the value of an attribute as an element. */
#ifndef DVT_CPU_CREATE_H
#define DVT_CPU_CREATE_H

#include "dovetail.h"
#include "element.h"

/* The scalar number `attr` (float64 or int64) as one element of `type`: integers wrap, floats become
 * integers as in astype and are rounded once to shorter floats, bool is != 0. Absent means zero.
 * False when the attribute is no number. */
int dvt_scalar_element(const dvt_attr *attr, dvt_type type, void *element);

/* The kernels beside full, one file each. */
dvt_status dvt_iota_run(const dvt_call *call, dvt_error *error);
dvt_status dvt_iota_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);

#endif
