/* See graph_partition.c. */
#ifndef DVT_CPU_GRAPH_PARTITION_H
#define DVT_CPU_GRAPH_PARTITION_H

#include "dovetail.h"

dvt_status dvt_cpu_partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                             dvt_error *error);

#endif
