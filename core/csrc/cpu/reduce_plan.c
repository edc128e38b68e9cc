/* Which axes of a reduction go, and in which order memory is walked. */
#include <string.h>

#include "reduce.h"

uint64_t dvt_reduce_axes(const dvt_attr *attrs, uint32_t n_attrs) {
    const dvt_attr *const axis = dvt_find_attr(attrs, n_attrs, "axis");
    if (!axis || axis->kind != DVT_ATTR_INT64) return UINT64_MAX;
    uint64_t bits = 0;
    for (uint64_t i = 0; i < axis->count; i++)
        bits |= UINT64_C(1) << (((const int64_t *)axis->values)[i] & 63);
    return bits;
}

/* How far apart neighbours on the axis are; a broadcast axis goes outermost. */
static int64_t distance(const dvt_reduce_axis *axis) {
    if (axis->in == 0) return INT64_MAX;
    return axis->in < 0 ? -axis->in : axis->in;
}

/* Insertion sort, far axes first, then merge. The axes are few. */
static int32_t arrange(dvt_reduce_axis *axes, int32_t n) {
    for (int32_t i = 1; i < n; i++) {
        const dvt_reduce_axis moved = axes[i];
        int32_t j = i;
        for (; j > 0 && distance(&axes[j - 1]) < distance(&moved); j--) axes[j] = axes[j - 1];
        axes[j] = moved;
    }
    int32_t kept = 0;
    for (int32_t i = 0; i < n; i++) {
        dvt_reduce_axis *const last = kept > 0 ? &axes[kept - 1] : NULL;
        if (last && last->in == axes[i].in * axes[i].extent &&
            last->out == axes[i].out * axes[i].extent) {
            last->extent *= axes[i].extent;
            last->in = axes[i].in;
            last->out = axes[i].out;
        } else {
            axes[kept++] = axes[i];
        }
    }
    return kept;
}

void dvt_reduce_make_plan(dvt_reduce_plan *plan, const dvt_tensor *x, const dvt_tensor *y,
                          const dvt_attr *attrs, uint32_t n_attrs, uint32_t in_size,
                          uint32_t out_size) {
    const uint64_t gone = dvt_reduce_axes(attrs, n_attrs);
    const int keepdims = y->ndim == x->ndim;
    int32_t out_axis = 0;
    plan->n_kept = plan->n_gone = 0;
    plan->outputs = plan->each = 1;
    for (int32_t i = 0; i < x->ndim; i++) {
        dvt_reduce_axis axis = {x->shape[i], x->strides[i] * (int64_t)in_size, 0};
        if (gone >> i & 1) {
            plan->each *= axis.extent;
            if (axis.extent != 1) plan->gone[plan->n_gone++] = axis;
            out_axis += keepdims;
        } else {
            axis.out = y->strides[out_axis++] * (int64_t)out_size;
            plan->outputs *= axis.extent;
            if (axis.extent != 1) plan->kept[plan->n_kept++] = axis;
        }
    }
    plan->n_kept = arrange(plan->kept, plan->n_kept);
    plan->n_gone = arrange(plan->gone, plan->n_gone);
}

void dvt_reduce_locate(const dvt_reduce_axis *axes, int32_t n, int64_t index, int64_t *in,
                       int64_t *out) {
    *in = *out = 0;
    for (int32_t i = n; i-- > 0;) {
        const int64_t at = i == 0 ? index : index % axes[i].extent;
        index = i == 0 ? 0 : index / axes[i].extent;
        *in += at * axes[i].in;
        *out += at * axes[i].out;
    }
}
