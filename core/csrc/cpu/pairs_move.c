/* Moving complex numbers as they are: elements of 8 and 16 bytes. */
#include <string.h>

#include "copy.h"
#include "pairs.h"
#include "parallel.h"
#include "strided_loop.h"

#define PICOSECONDS_PER_BYTE 60

static uint32_t size_of(const dvt_tensor *t) {
    return t->dtype.bits / 8u;
}

/* ---- copy -------------------------------------------------------------------------------------- */

static dvt_status run_copy(const dvt_call *call, dvt_error *error) {
    (void)error;
    dvt_copy_view(call->host, call->inputs[0], call->outputs[0], size_of(call->outputs[0]));
    return DVT_OK;
}

dvt_status dvt_pairs_copy_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const uint64_t n = (uint64_t)dvt_size(op->outputs[0]), size = size_of(op->outputs[0]);
    const int smooth = dvt_contiguous_size(op->inputs[0]) >= 0;
    (void)error;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run_copy;
    info->cost_ns = 10 + n * (smooth ? 60 * size : 500 + 100 * size) / 1000;
    return DVT_OK;
}

/* ---- where ------------------------------------------------------------------------------------- */

typedef struct choosing {
    const uint8_t *condition;
    const char *x, *y;
    char *to;
    uint64_t x_step, y_step; /* 0 for one number everywhere */
} choosing;

#define CHOOSE(name, bytes)                                                                        \
    static void name(void *context, uint64_t begin, uint64_t end, uint32_t worker) {               \
        const choosing *const c = context;                                                         \
        (void)worker;                                                                              \
        for (uint64_t i = begin; i < end; i++) {                                                   \
            const char *const x = c->x + i * c->x_step, *const y = c->y + i * c->y_step;           \
            memcpy(c->to + i * (bytes), c->condition[i] ? x : y, bytes);                           \
        }                                                                                          \
    }
CHOOSE(choose_8, 8)
CHOOSE(choose_16, 16)

static dvt_status run_where(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    const int64_t n = dvt_size(to);
    const uint32_t size = size_of(to);
    choosing c = {.condition = dvt_tensor_data(call->inputs[0]),
                  .x = dvt_tensor_data(call->inputs[1]),
                  .y = dvt_tensor_data(call->inputs[2]),
                  .to = dvt_tensor_data(to),
                  .x_step = (uint64_t)dvt_pairs_step(call->inputs[1], n) * size,
                  .y_step = (uint64_t)dvt_pairs_step(call->inputs[2], n) * size};
    (void)error;
    dvt_parallel(call->host, (uint64_t)n, PICOSECONDS_PER_BYTE * size,
                 size == 8 ? choose_8 : choose_16, &c);
    return DVT_OK;
}

dvt_status dvt_pairs_where_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const int64_t n = dvt_size(op->outputs[0]);
    const uint32_t size = size_of(op->outputs[0]);
    (void)error;
    if (dvt_pairs_step(op->inputs[0], n) != 1 || dvt_pairs_step(op->inputs[1], n) < 0 ||
        dvt_pairs_step(op->inputs[2], n) < 0) {
        info->reason = "operands are neither contiguous nor one number everywhere";
        return DVT_UNSUPPORTED;
    }
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run_where;
    info->cost_ns = 20 + (uint64_t)n * PICOSECONDS_PER_BYTE * size / 1000;
    return DVT_OK;
}

/* ---- full -------------------------------------------------------------------------------------- */

typedef struct filling {
    char *to;
    uint32_t size;
    double element[2]; /* the bytes of one element */
} filling;

static int read_value(const dvt_attr *value, uint32_t size, double *element) {
    if (!value || value->kind != DVT_ATTR_FLOAT64 || value->count != 2) return 0;
    const double *const parts = value->values;
    const float narrow[2] = {(float)parts[0], (float)parts[1]};
    memcpy(element, size == 8 ? (const void *)narrow : (const void *)parts, size);
    return 1;
}

static void fill_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const filling *const f = context;
    (void)worker;
    dvt_copy_strided(f->to + begin * f->size, f->size, (const char *)f->element, 0,
                     (int64_t)(end - begin), f->size);
}

static dvt_status run_full(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    filling f = {.to = dvt_tensor_data(to), .size = size_of(to)};
    (void)error;
    read_value(dvt_find_attr(call->attrs, call->n_attrs, "value"), f.size, f.element);
    dvt_parallel(call->host, (uint64_t)dvt_size(to), PICOSECONDS_PER_BYTE * f.size, fill_range, &f);
    return DVT_OK;
}

dvt_status dvt_pairs_full_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const uint32_t size = size_of(op->outputs[0]);
    double element[2];
    if (!read_value(dvt_find_attr(op->attrs, op->n_attrs, "value"), size, element))
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "full: the value of a complex array is a pair, of kind float64");
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run_full;
    info->cost_ns = 10 + (uint64_t)dvt_size(op->outputs[0]) * size * PICOSECONDS_PER_BYTE / 1000;
    return DVT_OK;
}
