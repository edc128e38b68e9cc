/* The families of kernels that make up the CPU device, and its graph table. A family's file defines
 *   const dvt_kernel_def dvt_cpu_<family>_rows[] = {...};
 *   const uint32_t dvt_cpu_<family>_count = sizeof(rows) / sizeof(row);
 * and plugin.c puts all rows into one table. */
#ifndef DVT_CPU_ROWS_H
#define DVT_CPU_ROWS_H

#include "dovetail.h"

/* Most rows that one library may offer. */
#define DVT_CPU_MAX_ROWS 512

#define DVT_CPU_FAMILIES(X)                                                                        \
    X(arithmetic)                                                                                  \
    X(unary)                                                                                       \
    X(special_binary)                                                                              \
    X(special)                                                                                     \
    X(compare)                                                                                     \
    X(bitwise)                                                                                     \
    X(cast)                                                                                        \
    X(reduce)                                                                                      \
    X(argreduce)                                                                                   \
    X(triangular)                                                                                  \
    X(softmax)                                                                                     \
    X(layer_norm)                                                                                  \
    X(activation)                                                                                  \
    X(copy)                                                                                        \
    X(shuffle)                                                                                     \
    X(gather)                                                                                      \
    X(create)                                                                                      \
    X(random)                                                                                      \
    X(matmul)                                                                                      \
    X(conv)                                                                                        \
    X(pairs)                                                                                       \
    X(pool)                                                                                        \
    X(attention)

#define DVT_CPU_DECLARE(family)                                                                    \
    extern const dvt_kernel_def dvt_cpu_##family##_rows[];                                         \
    extern const uint32_t dvt_cpu_##family##_count;

DVT_CPU_FAMILIES(DVT_CPU_DECLARE)

extern const dvt_graph_api dvt_cpu_graph_api;
extern const dvt_device_api dvt_cpu_device_api;

#endif
