/* Philox4x32-10: J. Salmon, M. Moraes, R. Dror, D. Shaw, "Parallel random numbers: as easy as 1, 2,
 * 3", SC 2011. Block b of a key is a function of both alone. */
#ifndef DVT_CPU_RANDOM_PHILOX_H
#define DVT_CPU_RANDOM_PHILOX_H

#include <stdint.h>

/* The words of a block. */
#define DVT_PHILOX_WORDS 4

/* Blocks [first, first + n), four words each, of the counters (low and high half of the block's
 * number, 0, 0). `to` needs no more alignment than its words have. */
void dvt_philox(uint32_t *to, uint64_t first, uint64_t n, const uint32_t key[2]);

/* The same with `high` as words 2 and 3 of every counter. */
void dvt_philox_at(uint32_t *to, uint64_t first, uint64_t n, const uint32_t key[2],
                   const uint32_t high[2]);

/* One block of those. */
void dvt_philox_block(uint32_t to[DVT_PHILOX_WORDS], uint64_t block, const uint32_t key[2],
                      const uint32_t high[2]);

#endif
