/* The ops random_bits and random_bits_batch: words of Philox as they are, two of them, or their low
 * bits. */
#include <string.h>

#include "random_keys.h"
#include "random_philox.h"
#include "random_rows.h"

#define PICOSECONDS_EACH 1000
#define BLOCKS(words) (((words) + DVT_PHILOX_WORDS - 1) / DVT_PHILOX_WORDS)

typedef struct drawing {
    char *to;
    uint32_t size;
} drawing;

/* Words [first, first + n), n a number of words, where they belong. */
static void draw_words(char *to, uint64_t first, uint64_t n, const uint32_t key[2]) {
    const uint64_t block = first / DVT_PHILOX_WORDS, whole = n / DVT_PHILOX_WORDS;
    uint32_t last[DVT_PHILOX_WORDS];
    dvt_philox((uint32_t *)(void *)to, block, whole, key);
    if (n % DVT_PHILOX_WORDS == 0) return;
    dvt_philox(last, block + whole, 1, key);
    memcpy(to + whole * sizeof last, last, n % DVT_PHILOX_WORDS * sizeof *last);
}

static void draw_piece(const void *context, const uint32_t key[2], uint64_t first, uint64_t n,
                       uint64_t at) {
    const drawing *const d = context;
    char *const to = d->to + at * d->size;
    uint32_t words[DVT_RANDOM_PIECE];
    if (d->size >= sizeof *words) {
        const uint64_t each = d->size / sizeof *words;
        draw_words(to, first * each, n * each, key);
        return;
    }
    dvt_philox(words, first / DVT_PHILOX_WORDS, BLOCKS(n), key);
    if (d->size == 1) {
        uint8_t *const bytes = (uint8_t *)to;
        for (uint64_t i = 0; i < n; i++) bytes[i] = (uint8_t)words[i];
    } else {
        uint16_t *const halves = (uint16_t *)(void *)to;
        for (uint64_t i = 0; i < n; i++) halves[i] = (uint16_t)words[i];
    }
}

dvt_status dvt_random_bits_run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const to = call->outputs[0];
    const drawing d = {.to = dvt_tensor_data(to), .size = dvt_type_size(dvt_type_of(to->dtype))};
    (void)error;
    dvt_random_run(call, PICOSECONDS_EACH, draw_piece, &d);
    return DVT_OK;
}

dvt_status dvt_random_bits_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    return dvt_random_prepare(op, PICOSECONDS_EACH, info, error);
}
