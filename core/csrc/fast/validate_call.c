/* The host's half of a call that computes: are these the operands that prepare or compile was asked
 * about, and is the workspace the one they asked for? */
#include "validate_call.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static int64_t *copy_spec(dvt_tensor *to, const dvt_tensor *from, int64_t *room) {
    size_t n = (size_t)from->ndim;
    *to = *from;
    to->shape = room;
    to->strides = room + n;
    if (n != 0) {
        memcpy(to->shape, from->shape, n * sizeof *room);
        memcpy(to->strides, from->strides, n * sizeof *room);
    }
    return room + 2 * n;
}

bool dvv_promise_specs(dvv_promise *p, const dvt_tensor *const *inputs, uint32_t n_inputs,
                       const dvt_tensor *const *outputs, uint32_t n_outputs) {
    size_t extents = 1;
    for (uint32_t i = 0; i < n_inputs; i++) extents += 2 * (size_t)inputs[i]->ndim;
    for (uint32_t i = 0; i < n_outputs; i++) extents += 2 * (size_t)outputs[i]->ndim;
    p->inputs = calloc((size_t)n_inputs + n_outputs + 1, sizeof *p->inputs);
    p->extents = calloc(extents, sizeof *p->extents);
    if (p->inputs == NULL || p->extents == NULL) {
        dvv_promise_clear(p);
        return false;
    }
    p->outputs = p->inputs + n_inputs;
    p->n_inputs = n_inputs;
    p->n_outputs = n_outputs;
    int64_t *room = p->extents;
    for (uint32_t i = 0; i < n_inputs; i++) room = copy_spec(&p->inputs[i], inputs[i], room);
    for (uint32_t i = 0; i < n_outputs; i++) room = copy_spec(&p->outputs[i], outputs[i], room);
    return true;
}

void dvv_promise_clear(dvv_promise *p) {
    free(p->inputs);
    free(p->extents);
    p->inputs = p->outputs = NULL;
    p->extents = NULL;
}

/* Whether a view is what `b` promised; a symbol, which is negative, promises any extent. */
static bool same_spec(const dvt_tensor *a, const dvt_tensor *b, bool strides) {
    if (a->ndim != b->ndim || memcmp(&a->dtype, &b->dtype, sizeof a->dtype) != 0) return false;
    for (int32_t d = 0; d < a->ndim; d++) {
        if (b->shape[d] >= 0 && a->shape[d] != b->shape[d]) return false;
        if (a->shape[d] == 0) strides = false; /* no element lies anywhere */
    }
    for (int32_t d = 0; d < a->ndim; d++) {
        if (strides && a->shape[d] > 1 && a->strides[d] != b->strides[d]) return false;
    }
    return true;
}

bool dvv_overlap(const dvt_tensor *a, const dvt_tensor *b, bool opaque) {
    dvv_span s, t;
    if (opaque && a->data != b->data) return false;
    if (!dvv_measure(a, &s) || !dvv_measure(b, &t) || s.elements == 0 || t.elements == 0)
        return false;
    uintptr_t x = (uintptr_t)a->data + a->byte_offset, y = (uintptr_t)b->data + b->byte_offset;
    return x + (uintptr_t)s.low < y + (uintptr_t)t.high &&
           y + (uintptr_t)t.low < x + (uintptr_t)s.high;
}

static bool one_place(const dvt_tensor *a, const dvt_tensor *b) {
    return (uintptr_t)a->data + a->byte_offset == (uintptr_t)b->data + b->byte_offset;
}

/* Outputs overlap nothing, except an input at the same place that may_alias names. Interleaved views
 * (their bytes meet, their elements do not) are too rare to tell apart: only contiguous ones count. */
static void check_aliases(dvv_frame *f, const dvv_promise *p, const dvt_call *call,
                          const dvv_device *device) {
    bool opaque = dvv_opaque(device, 0) && !(p->row_flags & DVT_KERNEL_ON_HOST);
    for (uint32_t o = 0; o < call->n_outputs; o++) {
        const dvt_tensor *out = call->outputs[o];
        dvv_span span;
        if (!dvv_measure(out, &span) || !span.contiguous) continue;
        for (uint32_t k = 0; k < o; k++)
            if (dvv_overlap(out, call->outputs[k], opaque))
                dvv_blame_host(f, "outputs %u and %u overlap", k, o);
        for (uint32_t i = 0; i < call->n_inputs; i++) {
            if (i < 64 && (p->host_inputs >> i & 1) && !dvv_on_host(device)) continue;
            if (!dvv_overlap(out, call->inputs[i], opaque)) continue;
            bool allowed = o < 8 && i < 8 && (p->may_alias >> (8 * o + i) & 1);
            if (!allowed)
                dvv_blame_host(f,
                               "output %u shares memory with input %u, which may_alias (0x%" PRIx64
                               ") does not allow",
                               o, i, p->may_alias);
            else if (!one_place(out, call->inputs[i]))
                dvv_blame_host(f,
                               "output %u overlaps a part of input %u; storage is shared from the "
                               "first element on",
                               o, i);
        }
    }
}

static void check_workspace(dvv_frame *f, const dvv_promise *p, const dvt_call *call,
                            const dvv_device *device) {
    if (p->workspace_size == 0) return;
    dvv_count(f->layer, DVV_WORKSPACE);
    uint64_t alignment = p->workspace_alignment != 0 ? p->workspace_alignment : 64;
    bool handle = dvv_opaque(device, 0) && !(p->row_flags & DVT_KERNEL_ON_HOST);
    if (call->workspace_size < p->workspace_size || call->workspace == NULL)
        dvv_blame_host(f,
                       "the workspace is %p with %" PRIu64 " bytes, but %" PRIu64 " were asked for",
                       call->workspace, call->workspace_size, p->workspace_size);
    else if (!handle && (uintptr_t)call->workspace % alignment != 0)
        dvv_blame_host(f, "the workspace %p is not aligned to the %" PRIu64 " bytes asked for",
                       call->workspace, alignment);
    else if (!dvv_on_host(device) && !(p->row_flags & DVT_KERNEL_ON_HOST)) {
        int64_t shape[1] = {(int64_t)call->workspace_size}, strides[1] = {1};
        dvt_tensor view = {.data = call->workspace,
                           .ndim = 1,
                           .dtype = {DVT_UINT, 8, 1},
                           .shape = shape,
                           .strides = strides};
        dvv_span span;
        dvv_check_view(f, "workspace", 0, &view, 0, device, &span);
    }
}

bool dvv_check_call(dvv_frame *f, const dvv_promise *p, const dvt_call *call,
                    const dvv_device *device) {
    dvv_check_desc(f, "dvt_call", call->struct_size, sizeof *call, call->ext);
    if (call->reserved != 0) dvv_blame_host(f, "dvt_call.reserved is %u, not zero", call->reserved);
    if (call->n_inputs != p->n_inputs || call->n_outputs != p->n_outputs ||
        call->n_attrs != p->n_attrs) {
        dvv_blame_host(
            f,
            "it is called with %u inputs, %u outputs and %u attributes, but was prepared "
            "for %u, %u and %u",
            call->n_inputs, call->n_outputs, call->n_attrs, p->n_inputs, p->n_outputs, p->n_attrs);
        return false;
    }
    bool strided = (p->row_flags & DVT_KERNEL_STRIDED) != 0;
    unsigned promises = (strided ? DVV_ANY_STRIDES : 0) |
                        (p->row_flags & DVT_KERNEL_UNALIGNED ? DVV_ANY_ALIGNMENT : 0) |
                        (p->row_flags & DVT_KERNEL_ON_HOST ? DVV_ON_HOST : 0);
    dvv_span span;
    bool empty = p->n_outputs > 0;
    for (uint32_t i = 0; i < p->n_inputs; i++) {
        bool on_host = i < 64 && (p->host_inputs >> i & 1);
        if (!dvv_check_view(f, "input", i, call->inputs[i], promises | (on_host ? DVV_ON_HOST : 0),
                            device, &span))
            return false;
        if (!same_spec(call->inputs[i], &p->inputs[i], strided))
            dvv_blame_host(
                f, "input %u has another type, shape or strides than it was prepared for", i);
    }
    for (uint32_t i = 0; i < p->n_outputs; i++) {
        if (!dvv_check_view(f, "output", i, call->outputs[i], promises | DVV_WRITTEN, device,
                            &span))
            return false;
        if (!same_spec(call->outputs[i], &p->outputs[i], strided))
            dvv_blame_host(
                f, "output %u has another type, shape or strides than it was prepared for", i);
        empty = empty && span.elements == 0;
    }
    if (empty && !(p->row_flags & DVT_KERNEL_EMPTY))
        dvv_blame_host(f, "all outputs are empty; such calls are skipped unless the row sets "
                          "DVT_KERNEL_EMPTY");
    check_aliases(f, p, call, device);
    check_workspace(f, p, call, device);
    return atomic_load(&f->found) == 0;
}
