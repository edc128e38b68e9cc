/* random_bits: Philox4x32-10 of Salmon, Moraes, Dror and Shaw, "Parallel random numbers: as easy as
 * 1, 2, 3" (SC 2011). The stream is a function of the key and the element's place alone, so it does
 * not depend on threads, variants or how it is cut. */
#include <string.h>

#include "create.h"
#include "element.h"
#include "parallel.h"

#define ROUNDS 10
#define LANES 8 /* blocks computed side by side: one 256-bit vector of words, or two of 128 bits */
#define WORDS (4 * LANES)
#define PICOSECONDS_PER_WORD 700

/* The 4-word blocks of counters first .. first + LANES - 1, in order. */
static void philox(uint64_t first, uint32_t key0, uint32_t key1, uint32_t words[WORDS]) {
    uint32_t c0[LANES], c1[LANES], c2[LANES], c3[LANES];
    for (uint32_t l = 0; l < LANES; l++) {
        c0[l] = (uint32_t)(first + l);
        c1[l] = (uint32_t)((first + l) >> 32);
        c2[l] = c3[l] = 0;
    }
    for (int round = 0; round < ROUNDS; round++) {
        for (uint32_t l = 0; l < LANES; l++) {
            const uint64_t a = (uint64_t)c0[l] * 0xD2511F53u, b = (uint64_t)c2[l] * 0xCD9E8D57u;
            c0[l] = (uint32_t)(b >> 32) ^ c1[l] ^ key0;
            c1[l] = (uint32_t)b;
            c2[l] = (uint32_t)(a >> 32) ^ c3[l] ^ key1;
            c3[l] = (uint32_t)a;
        }
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
    for (uint32_t l = 0; l < LANES; l++) {
        words[4 * l] = c0[l];
        words[4 * l + 1] = c1[l];
        words[4 * l + 2] = c2[l];
        words[4 * l + 3] = c3[l];
    }
}

typedef struct drawing {
    char *to;
    uint64_t bytes; /* of the result */
    uint32_t size;  /* of an element: 8 takes two words, the others the low bits of one */
    uint32_t key[2];
} drawing;

/* Ranges count groups of WORDS words. */
static void draw_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const drawing *const d = context;
    const uint64_t group = d->size >= 4 ? WORDS * 4 : WORDS * d->size; /* bytes of the result */
    (void)worker;
    for (uint64_t g = begin; g < end; g++) {
        uint32_t words[WORDS];
        uint16_t halves[WORDS];
        uint8_t bytes[WORDS];
        const void *from = words;
        const uint64_t at = g * group;
        philox(g * LANES, d->key[0], d->key[1], words);
        if (d->size == 2) {
            for (uint32_t i = 0; i < WORDS; i++) halves[i] = (uint16_t)words[i];
            from = halves;
        } else if (d->size == 1) {
            for (uint32_t i = 0; i < WORDS; i++) bytes[i] = (uint8_t)words[i];
            from = bytes;
        }
        memcpy(d->to + at, from, d->bytes - at < group ? d->bytes - at : group);
    }
}

dvt_status dvt_random_bits_run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const out = call->outputs[0];
    drawing d = {.to = dvt_tensor_data(out), .size = dvt_type_size(dvt_type_of(out->dtype))};
    (void)error;
    memcpy(d.key, dvt_tensor_data(call->inputs[0]), sizeof d.key);
    d.bytes = (uint64_t)dvt_size(out) * d.size;
    const uint64_t group = d.size >= 4 ? WORDS * 4 : WORDS * d.size;
    dvt_parallel(call->host, (d.bytes + group - 1) / group, WORDS * PICOSECONDS_PER_WORD,
                 draw_range, &d);
    return DVT_OK;
}

dvt_status dvt_random_bits_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    if (dvt_size(op->inputs[0]) != 2)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "random_bits: the key must hold two 32-bit words");
    const uint64_t size = dvt_type_size(dvt_type_of(op->outputs[0]->dtype));
    const uint64_t words = (uint64_t)dvt_size(op->outputs[0]) * (size == 8 ? 2 : 1);
    info->flags = DVT_INFO_DETERMINISTIC;
    info->cost_ns = 30 + words * PICOSECONDS_PER_WORD / 1000;
    return DVT_OK;
}
