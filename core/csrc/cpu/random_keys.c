/* Pieces of draws over the threads of the host. */
#include "random_keys.h"

#include <string.h>

#include "parallel.h"

typedef struct draw {
    const char *keys;
    uint64_t each, pieces; /* elements, and pieces, of a key's draw */
    dvt_random_fill fill;
    const void *context;
} draw;

static void fill_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const draw *const d = context;
    (void)worker;
    for (uint64_t piece = begin; piece < end; piece++) {
        const uint64_t number = piece / d->pieces;
        const uint64_t first = piece % d->pieces * DVT_RANDOM_PIECE, left = d->each - first;
        uint32_t key[2];
        memcpy(key, d->keys + number * sizeof key, sizeof key);
        d->fill(d->context, key, first, left < DVT_RANDOM_PIECE ? left : DVT_RANDOM_PIECE,
                number * d->each + first);
    }
}

void dvt_random_run(const dvt_call *call, uint64_t picoseconds_each, dvt_random_fill fill,
                    const void *context) {
    const uint64_t n = (uint64_t)dvt_size(call->outputs[0]);
    const uint64_t keys = (uint64_t)dvt_size(call->inputs[0]) / 2;
    draw d = {.keys = dvt_tensor_data(call->inputs[0]), .fill = fill, .context = context};
    if (n == 0) return;
    d.each = n / keys;
    d.pieces = (d.each + DVT_RANDOM_PIECE - 1) / DVT_RANDOM_PIECE;
    const uint64_t cost = d.each < DVT_RANDOM_PIECE ? d.each : DVT_RANDOM_PIECE;
    dvt_parallel(call->host, keys * d.pieces, cost * picoseconds_each, fill_range, &d);
}

dvt_status dvt_random_prepare(const dvt_op *op, uint64_t picoseconds_each, dvt_kernel_info *info,
                              dvt_error *error) {
    const dvt_tensor *const key = op->n_inputs ? op->inputs[0] : NULL;
    if (!key || dvt_type_of(key->dtype) != DVT_TYPE_U32 || key->ndim < 1 ||
        key->shape[key->ndim - 1] != 2)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "random: the keys must be uint32[..., 2], two elements each");
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 50 + (uint64_t)dvt_size(op->outputs[0]) * picoseconds_each / 1000;
    return DVT_OK;
}
