/* The op random_bits: words of Philox as they are, two of them, or their low bits. */
#include "create.h"

#include <string.h>

#include "parallel.h"
#include "random_philox.h"

#define PICOSECONDS_PER_BLOCK 3000
/* Blocks that are made before their words are cut to shorter elements. */
#define AT_ONCE 64

typedef struct drawing {
    char *to;
    uint32_t size;
    uint64_t n; /* elements */
    uint32_t key[2];
} drawing;

/* Elements of blocks [begin, end) that are words, or two words, as they lie. */
static void draw_words(const drawing *d, uint64_t begin, uint64_t end) {
    const uint64_t bytes = d->n * d->size;
    const uint64_t whole = end * 16 <= bytes ? end : bytes / 16;
    uint32_t last[DVT_PHILOX_WORDS];
    dvt_philox((uint32_t *)(void *)(d->to + begin * 16), begin, whole - begin, d->key);
    if (whole == end) return;
    dvt_philox(last, whole, 1, d->key);
    memcpy(d->to + whole * 16, last, bytes - whole * 16);
}

static void draw_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const drawing *const d = context;
    uint32_t words[AT_ONCE * DVT_PHILOX_WORDS];
    (void)worker;
    if (d->size >= sizeof(uint32_t)) {
        draw_words(d, begin, end);
        return;
    }
    for (uint64_t block = begin; block < end; block += AT_ONCE) {
        const uint64_t blocks = end - block < AT_ONCE ? end - block : AT_ONCE;
        const uint64_t first = block * DVT_PHILOX_WORDS, words_here = blocks * DVT_PHILOX_WORDS;
        const uint64_t n = d->n - first < words_here ? d->n - first : words_here;
        dvt_philox(words, block, blocks, d->key);
        if (d->size == 1) {
            uint8_t *const to = (uint8_t *)d->to + first;
            for (uint64_t i = 0; i < n; i++) to[i] = (uint8_t)words[i];
        } else {
            uint16_t *const to = (uint16_t *)(void *)d->to + first;
            for (uint64_t i = 0; i < n; i++) to[i] = (uint16_t)words[i];
        }
    }
}

/* How many blocks the elements of an output come from. */
static uint64_t blocks_of(const dvt_tensor *to) {
    const uint64_t n = (uint64_t)dvt_size(to), size = dvt_type_size(dvt_type_of(to->dtype));
    const uint64_t words = size == 8 ? 2 * n : n;
    return (words + DVT_PHILOX_WORDS - 1) / DVT_PHILOX_WORDS;
}

dvt_status dvt_random_bits_run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    drawing d = {.to = dvt_tensor_data(to),
                 .size = dvt_type_size(dvt_type_of(to->dtype)),
                 .n = (uint64_t)dvt_size(to)};
    (void)error;
    if (d.n == 0) return DVT_OK;
    memcpy(d.key, dvt_tensor_data(call->inputs[0]), sizeof d.key);
    dvt_parallel(call->host, blocks_of(to), PICOSECONDS_PER_BLOCK, draw_range, &d);
    return DVT_OK;
}

dvt_status dvt_random_bits_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_type type = dvt_type_of(op->outputs[0]->dtype);
    if (op->n_inputs != 1 || dvt_type_of(op->inputs[0]->dtype) != DVT_TYPE_U32 ||
        dvt_size(op->inputs[0]) != 2)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "random_bits: the key must be two elements of uint32");
    if (type < DVT_TYPE_U8 || type > DVT_TYPE_U64) {
        info->reason = "random bits are uint8, uint16, uint32 or uint64";
        return DVT_UNSUPPORTED;
    }
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 50 + blocks_of(op->outputs[0]) * PICOSECONDS_PER_BLOCK / 1000;
    return DVT_OK;
}
