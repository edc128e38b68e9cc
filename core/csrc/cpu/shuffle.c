/* Elements to other places: pad and concat. Both lay whole views into parts of the result. */
#include <string.h>

#include "copy.h"
#include "create.h"
#include "element.h"
#include "parallel.h"
#include "rows.h"
#include "strided_loop.h"

/* Reading and writing goes at some 8 bytes per nanosecond in cache. */
#define PICOSECONDS_PER_BYTE 150

static uint64_t cost(const dvt_tensor *result, dvt_type type) {
    return 20 + (uint64_t)dvt_size(result) * dvt_type_size(type) * PICOSECONDS_PER_BYTE / 1000;
}

/* ---- concat -------------------------------------------------------------------------------- */

static dvt_status run_concat(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const out = call->outputs[0];
    const int64_t axis = dvt_attr_int(call->attrs, call->n_attrs, "axis", 0);
    const uint32_t size = dvt_type_size(dvt_type_of(out->dtype));
    int64_t place = 0;
    (void)error;
    for (uint32_t i = 0; i < call->n_inputs; i++) {
        const dvt_tensor *const from = call->inputs[i];
        dvt_tensor part = *out;
        part.shape = from->shape;
        part.byte_offset += (uint64_t)(place * out->strides[axis]) * size;
        if (dvt_size(from) > 0) dvt_copy_view(call->host, from, &part, size);
        place += from->shape[axis];
    }
    return DVT_OK;
}

static dvt_status prepare_concat(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *const out = op->outputs[0];
    const dvt_type type = dvt_type_of(out->dtype);
    const int64_t axis = dvt_attr_int(op->attrs, op->n_attrs, "axis", 0);
    int64_t extent = 0;
    if (type == DVT_N_TYPES) {
        info->reason = "the CPU device moves bool, integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    if (axis < 0 || axis >= out->ndim)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "concat: axis is not one of the result's");
    for (uint32_t i = 0; i < op->n_inputs; i++) {
        if (op->inputs[i]->ndim != out->ndim)
            return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                                 "concat: an operand has another number of axes than the result");
        extent += op->inputs[i]->shape[axis];
    }
    if (extent != out->shape[axis])
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "concat: the operands' extents do not add up to the result's");
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = cost(out, type);
    return DVT_OK;
}

/* ---- pad ----------------------------------------------------------------------------------- */

typedef struct filling {
    char *to;
    uint32_t size;
    uint64_t element;
} filling;

static void fill_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const filling *const f = context;
    (void)worker;
    dvt_copy_strided(f->to + begin * f->size, f->size, (const char *)&f->element, 0,
                     (int64_t)(end - begin), f->size);
}

/* Per axis: where the operand begins in the result, and how far its elements lie apart there. */
static int64_t entry(const dvt_call *call, const char *name, int32_t axis) {
    const dvt_attr *const list = dvt_find_attr(call->attrs, call->n_attrs, name);
    return ((const int64_t *)list->values)[axis];
}

static dvt_status run_pad(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const from = call->inputs[0], *const out = call->outputs[0];
    const dvt_type type = dvt_type_of(out->dtype);
    filling f = {.to = dvt_tensor_data(out), .size = dvt_type_size(type)};
    int64_t strides[DVT_MAX_NDIM];
    dvt_tensor inner = *out;
    (void)error;
    dvt_scalar_element(dvt_find_attr(call->attrs, call->n_attrs, "value"), type, &f.element);
    dvt_parallel(call->host, (uint64_t)dvt_size(out), PICOSECONDS_PER_BYTE * f.size, fill_range,
                 &f);
    if (dvt_size(from) == 0) return DVT_OK;
    inner.shape = from->shape;
    inner.strides = strides;
    for (int32_t axis = 0; axis < out->ndim; axis++) {
        inner.byte_offset += (uint64_t)(entry(call, "low", axis) * out->strides[axis]) * f.size;
        strides[axis] = out->strides[axis] * (entry(call, "interior", axis) + 1);
    }
    dvt_copy_view(call->host, from, &inner, f.size);
    return DVT_OK;
}

static int is_list(const dvt_op *op, const char *name) {
    const dvt_attr *const list = dvt_find_attr(op->attrs, op->n_attrs, name);
    if (!list || list->kind != DVT_ATTR_INT64 || list->count != (uint64_t)op->inputs[0]->ndim)
        return 0;
    for (uint64_t i = 0; i < list->count; i++)
        if (((const int64_t *)list->values)[i] < 0) return 0;
    return 1;
}

static dvt_status prepare_pad(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_type type = dvt_type_of(op->outputs[0]->dtype);
    uint64_t element;
    if (type == DVT_N_TYPES) {
        info->reason = "the CPU device moves bool, integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    if (!is_list(op, "low") || !is_list(op, "high") || !is_list(op, "interior"))
        return dvt_set_error(
            error, DVT_INVALID_ARGUMENT,
            "pad: low, high and interior must list one count of 0 or more per axis");
    if (!dvt_scalar_element(dvt_find_attr(op->attrs, op->n_attrs, "value"), type, &element))
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "pad: value must be one number, of kind int64 or float64");
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 2 * cost(op->outputs[0], type);
    return DVT_OK;
}

#define ROW(op_name, run_fn, prepare_fn)                                                           \
    {.op = op_name,                                                                                \
     .types = "T=" DVT_ALL_WORDS,                                                                  \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = DVT_KERNEL_STRIDED,                                                                  \
     .run = run_fn,                                                                                \
     .prepare = prepare_fn}

const dvt_kernel_def dvt_cpu_shuffle_rows[] = {ROW("concat", run_concat, prepare_concat),
                                               ROW("pad", run_pad, prepare_pad)};
const uint32_t dvt_cpu_shuffle_count = sizeof dvt_cpu_shuffle_rows / sizeof dvt_cpu_shuffle_rows[0];
