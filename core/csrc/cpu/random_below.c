/* The op random_below: the integer part of span * b / 2^64 for 64 random bits b and a span of at most
 * 2^32, so that no product exceeds 64 bits. */
#include "random_keys.h"
#include "random_philox.h"
#include "random_rows.h"

#define PICOSECONDS_EACH 1800

typedef struct task {
    int64_t *to;
    uint64_t span;
} task;

static void fill(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                 uint64_t at) {
    const task *const t = context;
    const uint64_t span = t->span;
    int64_t *const to = t->to + at;
    union {
        uint32_t words[2 * DVT_RANDOM_PIECE];
        uint64_t bits[DVT_RANDOM_PIECE];
    } drawn;
    dvt_philox(drawn.words, first / 2, (n + 1) / 2, key);
    for (uint64_t i = 0; i < n; i++) {
        const uint64_t low = (drawn.bits[i] & 0xffffffffu) * span >> 32;
        to[i] = (int64_t)(((drawn.bits[i] >> 32) * span + low) >> 32);
    }
}

dvt_status dvt_random_below_run(const dvt_call *call, dvt_error *error) {
    const task t = {dvt_tensor_data(call->outputs[0]),
                    (uint64_t)dvt_attr_int(call->attrs, call->n_attrs, "span", 1)};
    (void)error;
    dvt_random_run(call, PICOSECONDS_EACH, fill, &t);
    return DVT_OK;
}

dvt_status dvt_random_below_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const int64_t span = dvt_attr_int(op->attrs, op->n_attrs, "span", 0);
    if (span < 1 || span > (int64_t)1 << 32)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "random_below: the span must be from 1 to 2^32");
    return dvt_random_prepare(op, PICOSECONDS_EACH, info, error);
}
