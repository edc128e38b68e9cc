/* Splitting work over the host's threads, by an estimate of its time. */
#ifndef DVT_CPU_PARALLEL_H
#define DVT_CPU_PARALLEL_H

#include "dovetail.h"

/* Waking a thread costs some microseconds: a piece is worth at least this much, and work below two
 * pieces stays where it is, without a call. */
#define DVT_PIECE_PICOSECONDS 16000000u

static inline void dvt_parallel(const dvt_host *host, uint64_t n, uint64_t picoseconds_each,
                                dvt_range_fn fn, void *context) {
    const uint64_t each = picoseconds_each ? picoseconds_each : 1;
    const uint64_t grain = (DVT_PIECE_PICOSECONDS + each - 1) / each;
    if (n / 2 < grain || n < 2)
        fn(context, 0, n, 0);
    else
        host->parallel_for(host, n, grain, fn, context);
}

#endif
