/* threads.h: the host part in this process, the accelerator adopted by its loader, and threads that all
 * begin at once. Every program here is built with ThreadSanitizer by tests/thread_sanitizer.py. */
#ifndef THREADS_H
#define THREADS_H

#define DVF_NO_PYTHON
#include "../fast/features.c"
#include "../fast/host.c"
#include "../fast/loader.c"
#include "../fast/pool.c"

#include <stdatomic.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

/* A call that must succeed; its sentence when it does not. */
#define OK(call)                                                                                   \
    do {                                                                                           \
        dvt_error error = {.struct_size = sizeof error};                                           \
        dvt_status status = (call);                                                                \
        if (status != DVT_OK) {                                                                    \
            fprintf(stderr, "%s:%d: status %d: %s\n", __FILE__, __LINE__, status, error.message);  \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define MOST_THREADS 16

typedef struct crew {
    void (*job)(void *shared, uint32_t number);
    void *shared;
    uint32_t number;
    pthread_barrier_t *start;
} crew;

static inline void *crew_member(void *argument) {
    crew *c = argument;
    pthread_barrier_wait(c->start);
    c->job(c->shared, c->number);
    return NULL;
}

/* Run job(shared, 0 .. n-1) on n threads that begin together; return when all are done. */
static inline void at_once(uint32_t n, void (*job)(void *, uint32_t), void *shared) {
    pthread_t threads[MOST_THREADS];
    crew members[MOST_THREADS];
    pthread_barrier_t start;
    CHECK(n <= MOST_THREADS && pthread_barrier_init(&start, NULL, n) == 0);
    for (uint32_t i = 0; i < n; i++) {
        members[i] = (crew){job, shared, i, &start};
        CHECK(pthread_create(&threads[i], NULL, crew_member, &members[i]) == 0);
    }
    for (uint32_t i = 0; i < n; i++) CHECK(pthread_join(threads[i], NULL) == 0);
    pthread_barrier_destroy(&start);
}

#endif
