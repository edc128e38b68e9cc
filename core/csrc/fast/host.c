/* The host table: queue a log line, fill an error, share the pool, hand out memory. */
#include "host.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "pool.h"

#define MOST_LINES 1024 /* a plugin that logs in a loop must not eat the memory */

typedef struct line {
    struct line *next;
    int32_t level;
    char text[];
} line;

static struct {
    pthread_mutex_t lock;
    line *first, **end;
    uint32_t count, dropped;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void host_log(const dvt_host *host, int32_t level, const char *text) {
    (void)host;
    if (text == NULL) return;
    size_t size = strlen(text) + 1;
    line *added = malloc(sizeof *added + size);
    if (added != NULL) {
        added->next = NULL;
        added->level = level;
        memcpy(added->text, text, size);
    }
    pthread_mutex_lock(&queue.lock);
    if (added == NULL || queue.count == MOST_LINES) {
        queue.dropped++;
    } else {
        if (queue.first == NULL) queue.end = &queue.first;
        *queue.end = added;
        queue.end = &added->next;
        queue.count++;
        added = NULL;
    }
    pthread_mutex_unlock(&queue.lock);
    free(added);
}

uint32_t dvf_host_drain_log(dvf_log_sink sink, void *context) {
    pthread_mutex_lock(&queue.lock);
    line *first = queue.first;
    uint32_t count = queue.count, dropped = queue.dropped;
    queue.first = NULL;
    queue.count = queue.dropped = 0;
    pthread_mutex_unlock(&queue.lock);
    while (first != NULL) {
        line *next = first->next;
        sink(context, first->level, first->text);
        free(first);
        first = next;
    }
    if (dropped != 0) {
        char text[80];
        snprintf(text, sizeof text, "%u more lines were logged than the queue holds", dropped);
        sink(context, DVT_LOG_WARNING, text);
        count++;
    }
    return count;
}

static dvt_status host_fail(const dvt_host *host, dvt_error *error, dvt_status code,
                            const char *text) {
    (void)host;
    return dvt_set_error(error, code, text != NULL ? text : "");
}

static const void *host_get_extension(const dvt_host *host, const char *name) {
    (void)host;
    (void)name;
    return NULL; /* 1.0 defines no host extension */
}

static void host_parallel_for(const dvt_host *host, uint64_t n, uint64_t grain, dvt_range_fn fn,
                              void *context) {
    (void)host;
    dvf_pool_run(n, grain, fn, context);
}

static void *host_alloc(const dvt_host *host, uint64_t size, uint64_t alignment) {
    (void)host;
    if (alignment < sizeof(void *)) alignment = alignment == 0 ? 64 : sizeof(void *);
    if ((alignment & (alignment - 1)) != 0 || size > SIZE_MAX / 2) return NULL;
    void *data = NULL;
    if (posix_memalign(&data, (size_t)alignment, size != 0 ? (size_t)size : 1) != 0) return NULL;
    return data;
}

static void host_free(const dvt_host *host, void *data, uint64_t size) {
    (void)host;
    (void)size;
    free(data);
}

static dvt_host table = {
    .struct_size = sizeof(dvt_host),
    .abi_version = DVT_ABI_VERSION,
    .name = "dovetail",
    .version = DVF_VERSION,
    .log = host_log,
    .fail = host_fail,
    .get_extension = host_get_extension,
    .parallel_for = host_parallel_for,
    .host_alloc = host_alloc,
    .host_free = host_free,
};

static void unlock_in_child(void) {
    pthread_mutex_init(&queue.lock, NULL);
}

static void set_up(void) {
    table.n_threads = dvf_pool_threads();
    pthread_atfork(NULL, NULL, unlock_in_child);
}

const dvt_host *dvf_host(void) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    return &table;
}

int dvf_host_init(void) {
    return dvf_host() != NULL ? 0 : -1;
}

void dvf_host_set_threads(uint32_t n) {
    dvf_host();
    table.n_threads = dvf_pool_set_threads(n);
}
