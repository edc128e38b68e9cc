/* Products over nothing are zeros. */
#include "nothing.h"

#include <stddef.h>

#include "element.h"
#include "strided_loop.h"

#define BLOCK 256

static dvt_status write_zeros(const dvt_call *call, dvt_error *error) {
    static const uint64_t zeros[BLOCK];
    const dvt_tensor *const out = call->outputs[0];
    const uint32_t size = dvt_type_size(dvt_type_of(out->dtype));
    int64_t left = dvt_size(out);
    dvt_cursor cursor;
    (void)error;
    if (left == 0) return DVT_OK;
    dvt_cursor_start(&cursor, out, size, 0);
    while (left > 0) {
        const int64_t n = left < BLOCK ? left : BLOCK;
        dvt_cursor_write(&cursor, zeros, n);
        left -= n;
    }
    return DVT_OK;
}

int dvt_nothing(const dvt_op *op, dvt_kernel_info *info) {
    int empty = dvt_size(op->outputs[0]) == 0;
    for (uint32_t i = 0; i < op->n_inputs; i++) empty = empty || dvt_size(op->inputs[i]) == 0;
    if (!empty) return 0;
    info->run = write_zeros;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 20 + (uint64_t)dvt_size(op->outputs[0]);
    return 1;
}
