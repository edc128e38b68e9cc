/* pool.h: the process-wide pool of threads behind dvt_host.parallel_for.
 *
 * Pieces. [0, n) is cut into pieces whose borders depend on n and grain alone, never on the number
 * of threads, and each piece is one call of the function, also when the work runs serially: what a
 * kernel computes per piece is the same on one thread and on sixty.
 *
 * Who runs. The caller takes part; workers join as they find time, and nobody waits for a worker
 * that has not taken a piece. A call from inside a piece runs serially on its thread, with that
 * thread's worker number. When two threads call at once the second runs its own work serially: it
 * never waits for the first, so no order of calls can deadlock.
 *
 * Waiting. An idle worker watches for new work for about 30 us and then sleeps. A worker that
 * holds up a call because its core was given to somebody else rests for some milliseconds, longer
 * each time, and the others go on without it.
 *
 * fork. The child starts with no workers and makes its own at the first parallel call.
 */
#ifndef DVF_POOL_H
#define DVF_POOL_H

#include <stdint.h>

#include "dovetail.h"

#define DVF_POOL_MAX_THREADS 256
#define DVF_POOL_MAX_PIECES 128

/* How many threads take part at most, the caller included; 0: the CPUs this process may use.
 * Returns what was set. Workers are started at the first parallel call. Thread: any. */
uint32_t dvf_pool_set_threads(uint32_t n);
uint32_t dvf_pool_threads(void);

/* dvt_host.parallel_for, without the host. Thread: any. */
void dvf_pool_run(uint64_t n, uint64_t grain, dvt_range_fn fn, void *context);

/* What happened so far in this process; for `dovetail info` and the tests. */
typedef struct dvf_pool_counters {
    uint64_t parallel_calls; /* calls offered to the workers */
    uint64_t serial_calls;   /* calls with several pieces that ran on the caller alone */
    uint64_t rests;          /* times a worker was sent to rest because its core was taken */
    uint32_t workers;        /* threads started */
} dvf_pool_counters;

dvf_pool_counters dvf_pool_count(void);

#endif /* DVF_POOL_H */
