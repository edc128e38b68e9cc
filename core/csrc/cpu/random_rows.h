/* The kernels of random numbers, one op or two per file, that random_rows.c puts into one table. */
#ifndef DVT_CPU_RANDOM_ROWS_H
#define DVT_CPU_RANDOM_ROWS_H

#include "dovetail.h"

#define DVT_RANDOM_KERNELS(X)                                                                      \
    X(bits)                                                                                        \
    X(below)                                                                                       \
    X(uniform)                                                                                     \
    X(normal)                                                                                      \
    X(gamma)                                                                                       \
    X(gamma_gradient)                                                                              \
    X(poisson)                                                                                     \
    X(binomial)                                                                                    \
    X(truncated_normal)                                                                            \
    X(von_mises)                                                                                   \
    X(portable_log)                                                                                \
    X(portable_exp)

#define DVT_RANDOM_DECLARE(name)                                                                   \
    dvt_status dvt_random_##name##_run(const dvt_call *call, dvt_error *error);                    \
    dvt_status dvt_random_##name##_prepare(const dvt_op *op, dvt_kernel_info *info,                \
                                           dvt_error *error);

DVT_RANDOM_KERNELS(DVT_RANDOM_DECLARE)

#endif
