/* The op take_along_axis: single elements along one axis, each line with positions of its own. */
#include "gather.h"

#include <stdatomic.h>

#include "element.h"
#include "gather_index.h"
#include "parallel.h"

#define PICOSECONDS_PER_ELEMENT 2000

typedef struct taking {
    const char *x;
    const void *indices;
    char *to;
    uint32_t size, index_size;
    dvt_axis_split from; /* of x; the indices differ from it in the extent only */
    int64_t plane;       /* elements of the output per outer position */
    atomic_int wrong;
} taking;

/* n elements at positions of lines that begin `column` elements behind each other. */
#define TAKE(type)                                                                                 \
    {                                                                                              \
        type *const out = (type *)(void *)t->to + at;                                              \
        const type *const in = (const type *)(const void *)t->x + outer * t->from.extent * inner;  \
        for (int64_t i = 0; i < n; i++) {                                                          \
            out[i] = in[positions[i] * inner + column];                                            \
            column = column + 1 == inner ? 0 : column + 1;                                         \
        }                                                                                          \
        break;                                                                                     \
    }

static void take_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    taking *const t = context;
    const int64_t inner = t->from.inner;
    int64_t positions[DVT_INDEX_BLOCK];
    int right = 1;
    (void)worker;
    for (int64_t at = (int64_t)begin, n; at < (int64_t)end; at += n) {
        const int64_t outer = at / t->plane, left = (outer + 1) * t->plane - at;
        int64_t column = at % inner;
        n = left < (int64_t)end - at ? left : (int64_t)end - at;
        n = n < DVT_INDEX_BLOCK ? n : DVT_INDEX_BLOCK;
        right &= dvt_index_resolve(positions, t->indices, t->index_size, at, n, t->from.extent);
        switch (t->size) {
        case 1:
            TAKE(uint8_t)
        case 2:
            TAKE(uint16_t)
        case 4:
            TAKE(uint32_t)
        default:
            TAKE(uint64_t)
        }
    }
    if (!right) atomic_store_explicit(&t->wrong, 1, memory_order_relaxed);
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const x = call->inputs[0], *const indices = call->inputs[1];
    const int32_t axis = (int32_t)dvt_attr_int(call->attrs, call->n_attrs, "axis", 0);
    const int64_t n = dvt_size(indices);
    taking t = {.x = dvt_tensor_data(x),
                .indices = dvt_tensor_data(indices),
                .to = dvt_tensor_data(call->outputs[0]),
                .size = dvt_type_size(dvt_type_of(x->dtype)),
                .index_size = dvt_type_size(dvt_type_of(indices->dtype)),
                .from = dvt_split_at(x, axis)};
    t.plane = indices->shape[axis] * t.from.inner;
    if (n == 0) return DVT_OK;
    if (t.from.extent == 0) return dvt_index_fail("take_along_axis", indices, axis, 0, error);
    dvt_parallel(call->host, (uint64_t)n, PICOSECONDS_PER_ELEMENT, take_range, &t);
    if (atomic_load_explicit(&t.wrong, memory_order_relaxed))
        return dvt_index_fail("take_along_axis", indices, axis, t.from.extent, error);
    return DVT_OK;
}

dvt_status dvt_take_along_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    int32_t axis;
    dvt_status status;
    if (dvt_gather_check(op, 2, &axis, info, error, &status) == 0) return status;
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->cost_ns = 20 + (uint64_t)dvt_size(op->inputs[1]) * PICOSECONDS_PER_ELEMENT / 1000;
    return DVT_OK;
}
