/* The host's services from many threads: parallel_for, the log queue, errors, memory, processor. */
#include "threads.h"

#define ROUNDS 60
#define ITEMS 5000

typedef struct sums {
    const dvt_host *host;
    atomic_uint_fast64_t lines, seen;
    atomic_bool done;
} sums;

static void add_up(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    atomic_uint_fast64_t *sum = context;
    uint64_t part = 0;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) part += i;
    atomic_fetch_add(sum, part);
}

/* A call from inside a piece runs on its thread. */
static void nested(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    sums *s = context;
    atomic_uint_fast64_t sum = 0;
    (void)worker;
    s->host->parallel_for(s->host, end - begin, 1, add_up, &sum);
    CHECK(sum == (end - begin) * (end - begin - 1) / 2);
}

static void count_line(void *context, int32_t level, const char *text) {
    sums *s = context;
    CHECK(level == DVT_LOG_DEBUG || strstr(text, "dropped") != NULL);
    if (strncmp(text, "thread ", 7) == 0) atomic_fetch_add(&s->seen, 1);
}

static void use_services(void *shared, uint32_t number) {
    sums *s = shared;
    const dvt_host *host = s->host;
    if (number == 0) { /* the one that holds the interpreter lock drains meanwhile */
        while (!atomic_load(&s->done)) dvf_host_drain_log(count_line, s);
        return;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        atomic_uint_fast64_t sum = 0;
        host->parallel_for(host, ITEMS, 100, add_up, &sum);
        CHECK(sum == (uint64_t)ITEMS * (ITEMS - 1) / 2);
        host->parallel_for(host, 64, 8, nested, s);
        char text[64];
        snprintf(text, sizeof text, "thread %u, round %u", number, round);
        host->log(host, DVT_LOG_DEBUG, text);
        atomic_fetch_add(&s->lines, 1);
        dvt_error error = {.struct_size = sizeof error};
        CHECK(host->fail(host, &error, DVT_IO, text) == DVT_IO && strcmp(error.message, text) == 0);
        unsigned char *bytes = host->host_alloc(host, 1000, 128);
        CHECK(bytes != NULL && (uintptr_t)bytes % 128 == 0);
        memset(bytes, (int)number, 1000);
        host->host_free(host, bytes, 1000);
        CHECK(host->get_extension(host, "x-nothing") == NULL);
        if (number == 1 && round % 16 == 5) dvf_host_set_threads(1 + round / 16); /* meanwhile */
    }
    if (atomic_load(&s->lines) == 7 * ROUNDS) atomic_store(&s->done, true);
}

int main(void) {
    CHECK(dvf_host_init() == 0);
    sums s = {.host = dvf_host()};
    dvf_pool_set_threads(4);
    at_once(8, use_services, &s);
    dvf_host_drain_log(count_line, &s);
    CHECK(s.seen == s.lines); /* fewer than the queue holds, so none was dropped */
    puts("ok");
    return 0;
}
