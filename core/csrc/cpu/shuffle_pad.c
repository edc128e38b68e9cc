/* The op pad: a constant before, behind and between elements. The axes behind the last padded one
 * move as one, a unit; the output is rows of units along that axis, and any range of it is written
 * once. */
#include "shuffle.h"

#include <stdio.h>
#include <string.h>

#include "create.h"
#include "element.h"
#include "parallel.h"
#include "strided_loop.h"

#define PICOSECONDS_PER_BYTE 100
#define PICOSECONDS_PER_ROW 10000

typedef struct padding {
    const char *x;
    char *to;
    const dvt_tensor *from, *whole; /* for the extents before the row's axis */
    const int64_t *low, *step;      /* per axis: step is interior + 1 */
    int32_t axis;                   /* of the rows, the last padded one; -1: nothing is padded */
    uint32_t size;
    uint64_t element;
    /* in elements */
    int64_t row, unit;     /* of the output */
    int64_t begin, stride; /* in a row: of the first unit of x, from one to the next */
    int64_t units;         /* in a row of x */
} padding;

static void fill(const padding *p, int64_t at, int64_t n) {
    if (n > 0)
        dvt_copy_strided(p->to + at * p->size, p->size, (const char *)&p->element, 0, n, p->size);
}

/* Which row of x is in this row of the output, or -1 when it is padding altogether. */
static int64_t row_of(const padding *p, int64_t row) {
    int64_t found = 0, weight = 1;
    for (int32_t i = p->axis; i-- > 0;) {
        const int64_t at = row % p->whole->shape[i] - p->low[i];
        row /= p->whole->shape[i];
        if (at < 0 || at % p->step[i] != 0 || at / p->step[i] >= p->from->shape[i]) return -1;
        found += at / p->step[i] * weight;
        weight *= p->from->shape[i];
    }
    return found;
}

/* Elements [a, b) of a row that begins at element `start` of the output and holds the row `x`. */
static void pad_row(const padding *p, int64_t start, const char *x, int64_t a, int64_t b) {
    const int64_t size = p->size, end = p->begin + (p->units - 1) * p->stride + p->unit;
    const int64_t first = a > p->begin ? a : p->begin, last = b < end ? b : end;
    if (first >= last) {
        fill(p, start + a, b - a);
        return;
    }
    fill(p, start + a, first - a);
    fill(p, start + last, b - last);
    if (p->stride == p->unit) {
        memcpy(p->to + (start + first) * size, x + (first - p->begin) * size,
               (size_t)((last - first) * size));
        return;
    }
    fill(p, start + first, last - first);
    if (p->unit == 1) {
        const int64_t k = (first - p->begin + p->stride - 1) / p->stride;
        const int64_t n = (last - p->begin + p->stride - 1) / p->stride - k;
        if (n > 0)
            dvt_copy_strided(p->to + (start + p->begin + k * p->stride) * size, p->stride * size,
                             x + k * size, size, n, p->size);
        return;
    }
    for (int64_t k = (first - p->begin) / p->stride; k < p->units; k++) {
        const int64_t at = p->begin + k * p->stride;
        const int64_t from = at > first ? at : first;
        const int64_t to = at + p->unit < last ? at + p->unit : last;
        if (at >= last) break;
        if (from < to)
            memcpy(p->to + (start + from) * size, x + (k * p->unit + from - at) * size,
                   (size_t)((to - from) * size));
    }
}

static void pad_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const padding *const p = context;
    const int64_t row_of_x = p->units * p->unit * (int64_t)p->size;
    int64_t row = (int64_t)begin / p->row, a = (int64_t)begin % p->row;
    (void)worker;
    for (int64_t at = (int64_t)begin; at < (int64_t)end; row++, a = 0) {
        const int64_t n = p->row - a < (int64_t)end - at ? p->row - a : (int64_t)end - at;
        const int64_t found = p->units > 0 ? row_of(p, row) : -1;
        if (found < 0)
            fill(p, at, n);
        else
            pad_row(p, at - a, p->x + found * row_of_x, a, a + n);
        at += n;
    }
}

/* The amounts of an attribute, all 0 when it is absent; false when they are wrong. */
static int read_amounts(const dvt_attr *attrs, uint32_t n_attrs, const char *name, int32_t ndim,
                        int64_t *amounts) {
    const dvt_attr *const attr = dvt_find_attr(attrs, n_attrs, name);
    memset(amounts, 0, (size_t)ndim * sizeof *amounts);
    if (!attr) return 1;
    if (attr->kind != DVT_ATTR_INT64 || attr->count != (uint64_t)ndim) return 0;
    for (int32_t i = 0; i < ndim; i++) {
        amounts[i] = ((const int64_t *)attr->values)[i];
        if (amounts[i] < 0) return 0;
    }
    return 1;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const x = call->inputs[0], *const whole = call->outputs[0];
    const dvt_type type = dvt_type_of(x->dtype);
    const int32_t ndim = x->ndim;
    int64_t low[DVT_MAX_NDIM], step[DVT_MAX_NDIM];
    padding p = {.x = dvt_tensor_data(x),
                 .to = dvt_tensor_data(whole),
                 .from = x,
                 .whole = whole,
                 .low = low,
                 .step = step,
                 .axis = ndim - 1,
                 .size = dvt_type_size(type),
                 .unit = 1};
    (void)error;
    if (dvt_size(whole) == 0) return DVT_OK;
    dvt_scalar_element(dvt_find_attr(call->attrs, call->n_attrs, "value"), type, &p.element);
    read_amounts(call->attrs, call->n_attrs, "low", ndim, low);
    read_amounts(call->attrs, call->n_attrs, "interior", ndim, step);
    /* Without neighbours there is nothing between them, however much it would be. */
    for (int32_t i = 0; i < ndim; i++) step[i] = x->shape[i] > 1 ? step[i] + 1 : 1;
    while (p.axis >= 0 && x->shape[p.axis] == whole->shape[p.axis]) p.unit *= x->shape[p.axis--];
    if (p.axis < 0) {
        p.row = p.stride = p.unit;
        p.units = 1;
    } else {
        p.row = whole->shape[p.axis] * p.unit;
        p.begin = low[p.axis] * p.unit;
        p.stride = step[p.axis] * p.unit;
        p.units = x->shape[p.axis];
        /* An axis before this one may have nothing to give. */
        for (int32_t i = 0; i < p.axis; i++) p.units = x->shape[i] == 0 ? 0 : p.units;
    }
    dvt_parallel(call->host, (uint64_t)dvt_size(whole),
                 PICOSECONDS_PER_BYTE * p.size + PICOSECONDS_PER_ROW / (uint64_t)p.row, pad_range,
                 &p);
    return DVT_OK;
}

static dvt_status fail(dvt_error *error, const char *what) {
    char text[200];
    snprintf(text, sizeof text,
             "pad: %s; low, high and interior need one amount >= 0 for each axis, which with the "
             "extents of x give those of the result",
             what);
    return dvt_set_error(error, DVT_INVALID_ARGUMENT, text);
}

dvt_status dvt_pad_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *const x = op->inputs[0], *const whole = op->outputs[0];
    const dvt_type type = dvt_type_of(x->dtype);
    int64_t low[DVT_MAX_NDIM], high[DVT_MAX_NDIM], interior[DVT_MAX_NDIM];
    uint64_t element;
    if (type == DVT_N_TYPES) {
        info->reason = "the CPU device pads bool, integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    if (whole->ndim != x->ndim || !read_amounts(op->attrs, op->n_attrs, "low", x->ndim, low) ||
        !read_amounts(op->attrs, op->n_attrs, "high", x->ndim, high) ||
        !read_amounts(op->attrs, op->n_attrs, "interior", x->ndim, interior))
        return fail(error, "an amount is negative or missing");
    for (int32_t i = 0; i < x->ndim; i++) {
        int64_t extent = 0;
        const int64_t gaps = x->shape[i] > 0 ? x->shape[i] - 1 : 0;
        if (__builtin_mul_overflow(gaps, interior[i], &extent) ||
            __builtin_add_overflow(extent, x->shape[i], &extent) ||
            __builtin_add_overflow(extent, low[i], &extent) ||
            __builtin_add_overflow(extent, high[i], &extent) || extent != whole->shape[i])
            return fail(error, "an extent of the result is another one");
    }
    if (!dvt_scalar_element(dvt_find_attr(op->attrs, op->n_attrs, "value"), type, &element))
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "pad: value must be one number, of kind int64 or float64");
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->cost_ns =
        30 + (uint64_t)dvt_size(whole) * dvt_type_size(type) * PICOSECONDS_PER_BYTE / 1000;
    return DVT_OK;
}
