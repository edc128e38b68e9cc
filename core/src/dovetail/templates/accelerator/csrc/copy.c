/* Copies and fills: any strides, between the host, this device and its siblings. */
#include <string.h>

#include "stream.h"

static uint64_t item_bytes(dvt_dtype t) {
    return ((uint64_t)t.bits * t.lanes + 7) / 8;
}

static bool is_packed(const dvt_tensor *t) {
    int64_t stride = 1;
    for (int32_t d = t->ndim - 1; d >= 0; d--) {
        if (t->shape[d] != 1 && t->strides[d] != stride) return false;
        stride *= t->shape[d];
    }
    return true;
}

/* Axes of extent 1 say nothing, and axes that continue each other are one: rows that lie together
 * become one long row. */
static void add_axis(copy_plan *p, int64_t extent, int64_t from, int64_t to) {
    if (extent == 1) return;
    int32_t last = p->ndim - 1;
    if (last >= 0 && p->from[last] == from * extent && p->to[last] == to * extent) {
        p->shape[last] *= extent;
        p->from[last] = from;
        p->to[last] = to;
        return;
    }
    p->shape[p->ndim] = extent;
    p->from[p->ndim] = from;
    p->to[p->ndim++] = to;
}

static void lay_out(copy_plan *p, const dvt_tensor *from, const dvt_tensor *to) {
    int64_t item = (int64_t)item_bytes(to->dtype), count = 1;
    p->item = (uint64_t)item;
    if (to->dtype.bits * to->dtype.lanes % 8 != 0) { /* packed below a byte: contiguous, as bytes */
        for (int32_t d = 0; d < to->ndim; d++) count *= to->shape[d];
        p->item = 1;
        add_axis(p, (count * to->dtype.bits * to->dtype.lanes + 7) / 8, 1, 1);
        return;
    }
    for (int32_t d = 0; d < to->ndim; d++)
        add_axis(p, to->shape[d], from != NULL ? from->strides[d] * item : 0,
                 to->strides[d] * item);
}

static dvt_status check(const char *who, const dvt_tensor *t, dvt_error *error) {
    if (t->ndim < 0 || t->ndim > MAX_AXES)
        return fail(error, DVT_INVALID_ARGUMENT, "%s: a tensor of %d axes; 0 to %d are possible",
                    who, t->ndim, MAX_AXES);
    if (t->dtype.bits * t->dtype.lanes % 8 != 0 && !is_packed(t))
        return fail(error, DVT_INVALID_ARGUMENT,
                    "%s: elements of %u bits must be contiguous; copy them one by one on the host",
                    who, t->dtype.bits);
    return DVT_OK;
}

dvt_status copy_enqueue(dvt_device *device, const dvt_copy *copy, dvt_error *error) {
    const dvt_tensor *from = copy->source, *to = copy->destination;
    dvt_status status = device_check(device, error);
    if (status != DVT_OK) return status;
    status = check("copy", from, error);
    if (status == DVT_OK) status = check("copy", to, error);
    if (status != DVT_OK) return status;
    bool same = from->ndim == to->ndim && from->dtype.code == to->dtype.code &&
                from->dtype.bits == to->dtype.bits && from->dtype.lanes == to->dtype.lanes;
    for (int32_t d = 0; same && d < to->ndim; d++) same = from->shape[d] == to->shape[d];
    if (!same)
        return fail(error, DVT_INVALID_ARGUMENT,
                    "copy: the source has %d axes and the destination %d, of one shape and type "
                    "they must be",
                    from->ndim, to->ndim);
    command c = {.kind = COMMAND_COPY, .tag = copy->tag};
    c.copy.source = memory_locate(copy->source_device, from);
    c.copy.destination = memory_locate(copy->destination_device, to);
    lay_out(&c.copy, from, to);
    return command_submit(device, copy->stream, &c, error);
}

dvt_status fill_enqueue(dvt_device *device, const dvt_fill *fill, dvt_error *error) {
    const dvt_tensor *to = fill->destination;
    command c = {.kind = COMMAND_COPY, .tag = fill->tag};
    dvt_status status = check("fill", to, error);
    if (status != DVT_OK) return status;
    if (item_bytes(to->dtype) > sizeof c.copy.pattern || to->dtype.bits * to->dtype.lanes % 8 != 0)
        return DVT_UNSUPPORTED; /* the host fills a buffer of its own and copies it */
    c.copy.is_fill = true;
    c.copy.destination = memory_locate(device, to);
    lay_out(&c.copy, NULL, to);
    memcpy(c.copy.pattern, fill->pattern, c.copy.item); /* the caller's is valid during the call */
    return command_submit(device, fill->stream, &c, error);
}

/* ---- on the worker ---- */

/* How far the strides reach below and above the first element, in bytes. */
static void reach(const copy_plan *p, const int64_t *strides, int64_t *first, int64_t *last) {
    *first = 0;
    *last = (int64_t)p->item;
    for (int32_t d = 0; d < p->ndim; d++) {
        int64_t far = strides[d] * (p->shape[d] - 1);
        *(far < 0 ? first : last) += far;
    }
}

/* The innermost axis. */
static void move_row(const copy_plan *p, char *to, const char *from) {
    const int32_t d = p->ndim - 1;
    const int64_t n = d < 0 ? 1 : p->shape[d], item = (int64_t)p->item;
    if (d < 0 || (p->from[d] == item && p->to[d] == item)) {
        memcpy(to, from, (size_t)(n * item));
        return;
    }
    for (int64_t i = 0; i < n; i++) memcpy(to + i * p->to[d], from + i * p->from[d], p->item);
}

dvt_status copy_execute(const copy_plan *p, dvt_error *error) {
    int64_t at[MAX_AXES] = {0}, first, last;
    const char *from = (const char *)p->pattern;
    for (int32_t d = 0; d < p->ndim; d++)
        if (p->shape[d] == 0) return DVT_OK;
    if (!p->is_fill) {
        reach(p, p->from, &first, &last);
        from = memory_at(&p->source, first, last, "copy", error);
        if (from == NULL) return error->code;
        from -= first;
    }
    reach(p, p->to, &first, &last);
    char *to = memory_at(&p->destination, first, last, p->is_fill ? "fill" : "copy", error);
    if (to == NULL) return error->code;
    to -= first;
    for (;;) {
        move_row(p, to, from);
        int32_t d = p->ndim - 2; /* the next row */
        for (; d >= 0; d--) {
            to += p->to[d];
            from += p->from[d];
            if (++at[d] < p->shape[d]) break;
            to -= p->to[d] * p->shape[d];
            from -= p->from[d] * p->shape[d];
            at[d] = 0;
        }
        if (d < 0) return DVT_OK;
    }
}
