/* The op concat: each array is copied to its own part of the result, whatever the strides. */
#include "shuffle.h"

#include <stdio.h>

#include "copy.h"
#include "element.h"
#include "parallel.h"
#include "strided_loop.h"

#define PICOSECONDS_PER_BYTE 80
#define NANOSECONDS_PER_ARRAY 50

typedef struct joining {
    const dvt_call *call;
    const int64_t *places; /* along the axis, one per array */
    int32_t axis;
    uint32_t size;
} joining;

static void copy_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const joining *const j = context;
    const dvt_tensor *const whole = j->call->outputs[0];
    (void)worker;
    for (uint64_t i = begin; i < end; i++) {
        const dvt_tensor *const array = j->call->inputs[i];
        dvt_tensor part = *whole;
        part.shape = array->shape;
        part.byte_offset = 0;
        part.data = (char *)dvt_tensor_data(whole) +
                    j->places[i] * whole->strides[j->axis] * (int64_t)j->size;
        dvt_copy_view(j->call->host, array, &part, j->size);
    }
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const whole = call->outputs[0];
    int64_t *const places = call->workspace;
    joining j = {.call = call,
                 .places = places,
                 .axis = (int32_t)dvt_attr_int(call->attrs, call->n_attrs, "axis", 0),
                 .size = dvt_type_size(dvt_type_of(whole->dtype))};
    const uint64_t bytes = (uint64_t)dvt_size(whole) * j.size;
    int64_t place = 0, longest = 0;
    (void)error;
    if (bytes == 0) return DVT_OK;
    for (uint32_t i = 0; i < call->n_inputs; i++) {
        const int64_t extent = call->inputs[i]->shape[j.axis];
        places[i] = place;
        place += extent;
        longest = extent > longest ? extent : longest;
    }
    /* Many arrays: a thread takes some of them. Few, or one that outweighs the rest: all threads
     * share each array, which dvt_copy_view sees to. */
    if (longest <= place / (int64_t)call->host->n_threads)
        dvt_parallel(call->host, call->n_inputs,
                     bytes / call->n_inputs * PICOSECONDS_PER_BYTE + 1000 * NANOSECONDS_PER_ARRAY,
                     copy_range, &j);
    else
        copy_range(&j, 0, call->n_inputs, 0);
    return DVT_OK;
}

static dvt_status fail(dvt_error *error, uint32_t i, int32_t axis) {
    char text[160];
    snprintf(
        text, sizeof text,
        "concat: array %u does not fit: extents may differ along axis %d only, where they must "
        "add up to that of the result",
        i, (int)axis);
    return dvt_set_error(error, DVT_INVALID_ARGUMENT, text);
}

dvt_status dvt_concat_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *const whole = op->outputs[0];
    const int64_t axis = dvt_attr_int(op->attrs, op->n_attrs, "axis", 0);
    const uint32_t size = dvt_type_size(dvt_type_of(whole->dtype));
    int64_t place = 0;
    if (op->n_inputs == 0 || axis < 0 || axis >= whole->ndim)
        return dvt_set_error(
            error, DVT_INVALID_ARGUMENT,
            "concat: it needs at least one array and an axis that the arrays have");
    if (size == 0) {
        info->reason = "the CPU device joins elements of 1, 2, 4 or 8 bytes";
        return DVT_UNSUPPORTED;
    }
    for (uint32_t i = 0; i < op->n_inputs; i++) {
        const dvt_tensor *const array = op->inputs[i];
        if (array->ndim != whole->ndim) return fail(error, i, (int32_t)axis);
        for (int32_t k = 0; k < whole->ndim; k++) {
            if (k != axis && array->shape[k] != whole->shape[k])
                return fail(error, i, (int32_t)axis);
        }
        place += array->shape[axis];
    }
    if (place != whole->shape[axis]) return fail(error, op->n_inputs - 1, (int32_t)axis);
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->workspace_size = op->n_inputs * sizeof(int64_t);
    info->cost_ns = 20 + op->n_inputs * NANOSECONDS_PER_ARRAY +
                    (uint64_t)dvt_size(whole) * size * PICOSECONDS_PER_BYTE / 1000;
    return DVT_OK;
}
