/* What the processor and the memory can do: JSON lines {"limit": NAME, "value": PER_SECOND}.
 *
 *     cc -O3 -march=native -ffp-contract=fast -pthread machine_limits.c && ./a.out THREADS
 *
 * fma: multiplications and additions in float32, each counted as 1. copy, read: bytes (read plus
 * written; read) of arrays of 16 MiB, over and over, so that a cache which holds them counts, as it
 * does for the workloads. All threads start together; the best of the turns counts.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#ifdef __AVX512F__
#define BYTES 64
#else
#define BYTES 32
#endif
#define LANES (BYTES / 4)
#define CHAINS                                                                                     \
    12 /* enough to hide the latency of 4 or 5 cycles in two units, and they fit 16 registers */
#define ARRAY ((size_t)16 << 20)
#define MOST 64
#define TURNS 9

typedef float vector __attribute__((vector_size(BYTES)));
typedef void (*work)(int index, long times);

static vector *from[MOST], *to[MOST];
static volatile float sink, one_less = 0.999f, little = 1e-3f;
static int threads = 1;

static void fma_chains(int index, long times) {
    vector a[CHAINS], x, y;
    (void)index;
    for (int k = 0; k < LANES; k++) x[k] = one_less, y[k] = little;
    for (int k = 0; k < CHAINS; k++) a[k] = x + (float)k;
    for (long n = 0; n < times; n++)
        for (int k = 0; k < CHAINS; k++) a[k] = a[k] * x + y;
    float total = 0;
    for (int k = 0; k < CHAINS; k++) total += a[k][0];
    sink = total;
}

static void copy(int index, long times) {
    size_t share = ARRAY / sizeof(vector) / (size_t)threads;
    for (long n = 0; n < times; n++) {
#if defined(__SSE2__) && defined(__GNUC__)
        for (size_t k = 0; k < share; k++) {
            typedef float quarter __attribute__((vector_size(16)));
            const quarter *source = (const quarter *)(from[index] + k);
            quarter *target = (quarter *)(to[index] + k);
            for (int part = 0; part < BYTES / 16; part++)
                __builtin_ia32_movntps((float *)(target + part), source[part]);
        }
        __builtin_ia32_sfence();
#else
        memcpy(to[index], from[index], share * sizeof(vector));
#endif
    }
}

static void read_all(int index, long times) {
    size_t share = ARRAY / sizeof(vector) / (size_t)threads;
    for (long n = 0; n < times; n++) {
        vector a[8] = {0};
        for (size_t k = 0; k + 8 <= share; k += 8)
            for (int part = 0; part < 8; part++) a[part] += from[index][k + (size_t)part];
        vector total = a[0] + a[1] + a[2] + a[3] + a[4] + a[5] + a[6] + a[7];
        sink = total[0];
    }
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static struct {
    work what;
    long times;
    pthread_barrier_t start;
} turn;

static void *member(void *index) {
    pthread_barrier_wait(&turn.start);
    turn.what((int)(size_t)index, turn.times);
    return NULL;
}

/* Turns per second of all threads together, each turn being `times` of `what`. */
static double best(work what, long times) {
    double least = 1e9;
    turn.what = what;
    turn.times = times;
    for (int n = 0; n < TURNS; n++) {
        pthread_t team[MOST];
        pthread_barrier_init(&turn.start, NULL, (unsigned)threads + 1);
        for (int k = 0; k < threads; k++) pthread_create(&team[k], NULL, member, (void *)(size_t)k);
        double start = now();
        pthread_barrier_wait(&turn.start);
        for (int k = 0; k < threads; k++) pthread_join(team[k], NULL);
        double took = now() - start;
        pthread_barrier_destroy(&turn.start);
        if (took < least) least = took;
    }
    return 1 / least;
}

static void say(const char *name, double value) {
    printf("{\"limit\": \"%s\", \"value\": %.6g}\n", name, value);
}

int main(int count, char **words) {
    if (count > 1) threads = atoi(words[1]);
    if (threads < 1 || threads > MOST) return 2;
    for (int k = 0; k < threads; k++) {
        from[k] = aligned_alloc(4096, ARRAY);
        to[k] = aligned_alloc(4096, ARRAY);
        if (from[k] == NULL || to[k] == NULL) return 1;
        memset(from[k], 0, ARRAY);
        memset(to[k], 0, ARRAY);
    }
    long many = 2000000;
    say("fma", best(fma_chains, many) * 2.0 * LANES * CHAINS * (double)many * threads);
    say("copy", best(copy, 4) * 4 * 2.0 * (double)ARRAY);
    say("read", best(read_all, 4) * 4 * (double)ARRAY);
    return 0;
}
