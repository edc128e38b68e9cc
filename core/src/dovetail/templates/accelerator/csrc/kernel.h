/* kernel.h: one op, prepared for operands of given shapes. */
#ifndef KERNEL_H
#define KERNEL_H

#include "element.h"
#include "task.h"

#define KERNEL_AXES 8 /* of a reduction; more are refused with a reason */

struct dvt_kernel {
    task task; /* first: what a command runs */
    element_type type;
    uint64_t count; /* elements of the result */
    union {
        element_fn element;
        void (*cast)(const void *x, void *z, uint64_t n);
        struct {
            uint64_t batches, rows, inner, columns;
        } matmul;
        struct {
            int32_t ndim;
            int64_t shape[KERNEL_AXES], step[KERNEL_AXES]; /* of the operand; of the result */
        } sum;
    };
};

/* Fill in a kernel for an op; DVT_UNSUPPORTED with a static reason. */
typedef dvt_status (*kernel_choose)(const dvt_op *op, dvt_kernel *k, const char **reason);

dvt_status choose_element(const dvt_op *op, dvt_kernel *k, const char **reason);
dvt_status choose_matmul(const dvt_op *op, dvt_kernel *k, const char **reason);
dvt_status choose_sum(const dvt_op *op, dvt_kernel *k, const char **reason);
dvt_status choose_cast(const dvt_op *op, dvt_kernel *k, const char **reason);

uint64_t tensor_count(const dvt_tensor *t);

#define N_KERNEL_ROWS 12
extern const dvt_kernel_def kernel_rows[N_KERNEL_ROWS];

#endif
