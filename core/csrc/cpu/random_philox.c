/* Philox over vectors of 64-bit lanes, one block per lane. A word of a block lives in the low half
 * of its lane: the product of two low halves fills the lane, and what is left in a high half is
 * never looked at. So a round is two products, two shifts and four exclusive ors. */
#include "random_philox.h"

#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#elif defined(__ARM_NEON)
#include <arm_neon.h>
#endif

#if defined(__AVX512F__)
#define LANES 8
#elif defined(__AVX2__)
#define LANES 4
#else
#define LANES 2
#endif

/* Vectors that go through the rounds together, to fill the time of a product. */
#define TOGETHER 4
#define GROUP (LANES * TOGETHER)
#define ROUNDS 10

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "two words are stored as one lane");

typedef uint64_t lanes __attribute__((vector_size(8 * LANES)));

static inline lanes spread(uint64_t value) {
    return value - (lanes){0};
}

/* The product of the low halves. */
static inline lanes multiply_low(lanes a, lanes b) {
#if defined(__AVX512F__)
    return (lanes)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (lanes)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (lanes)_mm_mul_epu32((__m128i)a, (__m128i)b);
#elif defined(__ARM_NEON)
    return (lanes)vmull_u32(vmovn_u64((uint64x2_t)a), vmovn_u64((uint64x2_t)b));
#else
    const lanes low = spread(0xffffffffu);
    return (a & low) * (b & low);
#endif
}

/* Words 0 and 1 of LANES blocks in one vector, 2 and 3 in the other, to where they belong. */
static inline void store_blocks(char *to, lanes front, lanes back) {
#if LANES == 8
    const lanes first = __builtin_shufflevector(front, back, 0, 8, 1, 9, 2, 10, 3, 11);
    const lanes second = __builtin_shufflevector(front, back, 4, 12, 5, 13, 6, 14, 7, 15);
#elif LANES == 4
    const lanes first = __builtin_shufflevector(front, back, 0, 4, 1, 5);
    const lanes second = __builtin_shufflevector(front, back, 2, 6, 3, 7);
#else
    const lanes first = __builtin_shufflevector(front, back, 0, 2);
    const lanes second = __builtin_shufflevector(front, back, 1, 3);
#endif
    memcpy(to, &first, sizeof first);
    memcpy(to + sizeof first, &second, sizeof second);
}

/* GROUP blocks. keys: two words per round; high: words 2 and 3 of their counters. */
static inline void make_group(char *to, uint64_t block, const uint64_t *keys,
                              const uint32_t high[2]) {
    const lanes low = spread(0xffffffffu);
    const lanes factor0 = spread(0xd2511f53u), factor1 = spread(0xcd9e8d57u);
    lanes count, c0[TOGETHER], c1[TOGETHER], c2[TOGETHER], c3[TOGETHER];
    for (unsigned i = 0; i < LANES; i++) count[i] = block + i;
#pragma GCC unroll 4
    for (unsigned v = 0; v < TOGETHER; v++) {
        c0[v] = count + v * LANES;
        c1[v] = c0[v] >> 32;
        c2[v] = spread(high[0]);
        c3[v] = spread(high[1]);
    }
    for (unsigned round = 0; round < ROUNDS; round++) {
        const lanes key0 = spread(keys[2 * round]), key1 = spread(keys[2 * round + 1]);
#pragma GCC unroll 4
        for (unsigned v = 0; v < TOGETHER; v++) {
            const lanes product0 = multiply_low(c0[v], factor0);
            const lanes product1 = multiply_low(c2[v], factor1);
            c0[v] = (product1 >> 32) ^ c1[v] ^ key0;
            c1[v] = product1;
            c2[v] = (product0 >> 32) ^ c3[v] ^ key1;
            c3[v] = product0;
        }
    }
#pragma GCC unroll 4
    for (unsigned v = 0; v < TOGETHER; v++)
        store_blocks(to + v * LANES * 16, (c0[v] & low) | c1[v] << 32, (c2[v] & low) | c3[v] << 32);
}

void dvt_philox_at(uint32_t *to, uint64_t first, uint64_t n, const uint32_t key[2],
                   const uint32_t high[2]) {
    uint64_t keys[2 * ROUNDS];
    char *at = (char *)to;
    char rest[GROUP * 16];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        keys[2 * round] = key[0] + round * 0x9e3779b9u; /* modulo 2^32 */
        keys[2 * round + 1] = key[1] + round * 0xbb67ae85u;
    }
    for (; n >= GROUP; n -= GROUP, first += GROUP, at += GROUP * 16)
        make_group(at, first, keys, high);
    if (n == 0) return;
    make_group(rest, first, keys, high);
    memcpy(at, rest, n * 16);
}

void dvt_philox(uint32_t *to, uint64_t first, uint64_t n, const uint32_t key[2]) {
    static const uint32_t high[2] = {0, 0};
    dvt_philox_at(to, first, n, key, high);
}

void dvt_philox_block(uint32_t to[DVT_PHILOX_WORDS], uint64_t block, const uint32_t key[2],
                      const uint32_t high[2]) {
    uint32_t c0 = (uint32_t)block, c1 = (uint32_t)(block >> 32), c2 = high[0], c3 = high[1];
    uint32_t key0 = key[0], key1 = key[1];
    for (uint32_t round = 0; round < ROUNDS; round++) {
        const uint64_t product0 = (uint64_t)c0 * 0xd2511f53u, product1 = (uint64_t)c2 * 0xcd9e8d57u;
        c0 = (uint32_t)(product1 >> 32) ^ c1 ^ key0;
        c1 = (uint32_t)product1;
        c2 = (uint32_t)(product0 >> 32) ^ c3 ^ key1;
        c3 = (uint32_t)product0;
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
    to[0] = c0, to[1] = c1, to[2] = c2, to[3] = c3;
}
