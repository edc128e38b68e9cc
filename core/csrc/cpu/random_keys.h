/* Draws of one key or of many: element i of a key's draw is a function of the key and of i alone, so
 * any piece of any draw may be made by any thread. */
#ifndef DVT_CPU_RANDOM_KEYS_H
#define DVT_CPU_RANDOM_KEYS_H

#include "dovetail.h"
#include "element.h"

/* Most elements of a piece. A piece begins at a multiple of this, so at a whole block. */
#define DVT_RANDOM_PIECE 256

/* Elements [first, first + n) of the draw of a key; the first of them is element `at` of the whole
 * output, and of the operands that have an element per element. n <= DVT_RANDOM_PIECE. */
typedef void (*dvt_random_fill)(const void *context, const uint32_t key[2], uint64_t first,
                                uint64_t n, uint64_t at);

/* Fill output 0 piece by piece. Input 0 holds the keys, uint32[..., 2]; the draws of several follow
 * each other in the output. */
void dvt_random_run(const dvt_call *call, uint64_t picoseconds_each, dvt_random_fill fill,
                    const void *context);

/* Refuses keys that are not uint32[..., 2], else tells the cost. */
dvt_status dvt_random_prepare(const dvt_op *op, uint64_t picoseconds_each, dvt_kernel_info *info,
                              dvt_error *error);

#endif
