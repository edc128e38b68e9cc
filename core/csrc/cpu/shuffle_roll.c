/* The op roll: each rolled axis is cut in two, and the 2^k boxes change places. */
#include "copy.h"
#include "element.h"
#include "shuffle.h"
#include "strided_loop.h"

#define MOST_AXES 8 /* 256 boxes; more axes are left to the host */
#define PICOSECONDS_PER_BYTE 80
#define NANOSECONDS_PER_BOX 50

typedef struct rolling {
    uint32_t count;
    const int64_t *axis, *shift; /* 0 < shift < extent */
} rolling;

static uint32_t element_size(const dvt_tensor *t) {
    return ((uint32_t)t->dtype.bits * t->dtype.lanes + 7) / 8;
}

/* The attributes; false when they are not what the op's record makes of them. */
static int read_rolling(rolling *r, const dvt_attr *attrs, uint32_t n_attrs, const dvt_tensor *x) {
    const dvt_attr *const axis = dvt_find_attr(attrs, n_attrs, "axis");
    const dvt_attr *const shift = dvt_find_attr(attrs, n_attrs, "shift");
    if (!axis || !shift || axis->count != shift->count) return 0;
    r->count = 0;
    if (axis->count == 0) return 1;
    if (axis->kind != DVT_ATTR_INT64 || shift->kind != DVT_ATTR_INT64) return 0;
    if (axis->count > (uint64_t)x->ndim) return 0;
    r->count = (uint32_t)axis->count;
    r->axis = axis->values;
    r->shift = shift->values;
    for (uint32_t i = 0; i < r->count; i++) {
        const int64_t a = r->axis[i];
        if (a < 0 || a >= x->ndim || (i > 0 && a <= r->axis[i - 1])) return 0;
        if (r->shift[i] <= 0 || r->shift[i] >= x->shape[a]) return 0;
    }
    return 1;
}

/* One box: bit i of `behind` says that it holds the elements pushed off the end of rolled axis i. */
static void move_box(const dvt_call *call, const rolling *r, uint32_t behind) {
    dvt_tensor from = *call->inputs[0], to = *call->outputs[0];
    const int64_t size = element_size(&from);
    int64_t shape[DVT_MAX_NDIM];
    char *source = dvt_tensor_data(&from), *target = dvt_tensor_data(&to);
    for (int32_t d = 0; d < from.ndim; d++) shape[d] = from.shape[d];
    for (uint32_t i = 0; i < r->count; i++) {
        const int64_t a = r->axis[i], stay = from.shape[a] - r->shift[i];
        if (behind >> i & 1) {
            shape[a] = r->shift[i];
            source += stay * from.strides[a] * size;
        } else {
            shape[a] = stay;
            target += r->shift[i] * to.strides[a] * size;
        }
    }
    from.data = source;
    to.data = target;
    from.byte_offset = to.byte_offset = 0;
    from.shape = to.shape = shape;
    dvt_copy_view(call->host, &from, &to, (uint32_t)size);
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    rolling r;
    if (!read_rolling(&r, call->attrs, call->n_attrs, call->inputs[0]))
        return dvt_set_error(error, DVT_INTERNAL, "roll: its attributes changed");
    if (dvt_size(call->outputs[0]) == 0) return DVT_OK;
    for (uint32_t box = 0; box < 1u << r.count; box++) move_box(call, &r, box);
    return DVT_OK;
}

dvt_status dvt_roll_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *const x = op->inputs[0];
    rolling r;
    if (!read_rolling(&r, op->attrs, op->n_attrs, x))
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "roll: axis and shift must be lists of one length, the axes ascending "
                             "and each shift between 0 and the extent");
    if (r.count > MOST_AXES) {
        info->reason = "the CPU device rolls at most eight axes";
        return DVT_UNSUPPORTED;
    }
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->cost_ns = 20 + ((uint64_t)NANOSECONDS_PER_BOX << r.count) +
                    (uint64_t)dvt_size(x) * element_size(x) * PICOSECONDS_PER_BYTE / 1000;
    return DVT_OK;
}
