/* pace.h: whether calls are so quick that the interpreter lock is kept around them.
 *
 * Releasing and taking the lock again costs more than a small kernel. A device may say what a call costs;
 * where it does not, the first calls are timed, without the lock. A kernel belongs to one set of shapes, so
 * what it took is what it takes. A plugin never needs the lock, so that keeping it is never wrong, only
 * slower for other threads. */
#ifndef DVF_PACE_H
#define DVF_PACE_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define DVF_HOLD_LOCK_BELOW_NS 1000
#define DVF_QUICK_BELOW_NS 500 /* as timed, the clock included */

typedef struct dvf_pace {
    bool hold;              /* keep the lock */
    uint8_t trials;         /* calls that are still to be timed; 0: the answer is final */
    uint8_t quick_of_those; /* how many were quick: one may fall victim to the scheduler */
} dvf_pace;

#define DVF_TRIALS 16

/* From what the device says; 0: it does not. */
static inline dvf_pace dvf_pace_of(uint64_t cost_ns) {
    bool known = cost_ns > 0;
    return (dvf_pace){.hold = known && cost_ns < DVF_HOLD_LOCK_BELOW_NS,
                      .trials = known ? 0 : DVF_TRIALS};
}

static inline int64_t dvf_now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* With the lock: one more call was timed. */
static inline void dvf_pace_learn(dvf_pace *pace, int64_t took_ns) {
    if (pace->trials == 0) return; /* another thread was quicker */
    if (took_ns < DVF_QUICK_BELOW_NS) pace->quick_of_those++;
    if (--pace->trials == 0) pace->hold = pace->quick_of_those >= DVF_TRIALS - DVF_TRIALS / 8;
}

#endif
