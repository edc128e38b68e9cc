/* Events: marks that a stream passes in its order. A real driver has objects of its own for this;
 * what matters are the rules: a wait is for the recording that was there when it was asked for, and
 * an event behind a failure passes, with that failure. */
#include "event.h"

#include <stdlib.h>
#include <time.h>

#include "stream.h"

/* ---- one recording ---- */

mark *mark_new(void) {
    mark *m = calloc(1, sizeof *m);
    pthread_condattr_t attributes;
    if (m == NULL) return NULL;
    atomic_init(&m->references, 1);
    pthread_mutex_init(&m->lock, NULL);
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC); /* clocks of people are set back */
    pthread_cond_init(&m->change, &attributes);
    pthread_condattr_destroy(&attributes);
    return m;
}

void mark_retain(mark *m) {
    atomic_fetch_add_explicit(&m->references, 1, memory_order_relaxed);
}

void mark_release(mark *m) {
    if (m == NULL || atomic_fetch_sub(&m->references, 1) != 1) return;
    pthread_cond_destroy(&m->change);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

void mark_pass(mark *m, const dvt_error *failure) {
    pthread_mutex_lock(&m->lock);
    m->error = *failure;
    m->when = now_ns();
    atomic_store(&m->passed, true);
    pthread_cond_broadcast(&m->change);
    pthread_mutex_unlock(&m->lock);
}

bool mark_wait(mark *m, uint64_t timeout_ns) {
    const uint64_t second = UINT64_C(1000000000), now = now_ns();
    const uint64_t end = timeout_ns > UINT64_MAX - now ? UINT64_MAX : now + timeout_ns;
    const struct timespec until = {.tv_sec = (time_t)(end / second),
                                   .tv_nsec = (long)(end % second)};
    pthread_mutex_lock(&m->lock);
    while (!atomic_load(&m->passed)) {
        if (end == UINT64_MAX)
            pthread_cond_wait(&m->change, &m->lock);
        else if (now_ns() < end) /* a time that is over is no reason to sleep at all */
            pthread_cond_timedwait(&m->change, &m->lock, &until);
        else
            break;
    }
    pthread_mutex_unlock(&m->lock);
    return atomic_load(&m->passed);
}

/* ---- the table's slots ---- */

dvt_status event_create(dvt_device *device, dvt_event **event, dvt_error *error) {
    dvt_status status = device_check(device, error);
    if (status != DVT_OK) return status;
    *event = calloc(1, sizeof **event);
    if (*event == NULL)
        return fail(error, DVT_OUT_OF_MEMORY, "event_create: the host has no memory left");
    (*event)->device = device;
    return DVT_OK;
}

dvt_status event_record(dvt_event *event, dvt_stream *stream, dvt_error *error) {
    dvt_status status = device_check(event->device, error);
    if (status != DVT_OK) return status;
    mark *m = mark_new();
    if (m == NULL)
        return fail(error, DVT_OUT_OF_MEMORY, "event_record: the host has no memory left");
    mark_release(event->mark);
    event->mark = m;
    if (stream == NULL) { /* work without a stream is done when its call returns */
        mark_pass(m, &(dvt_error){.struct_size = sizeof(dvt_error)});
        return DVT_OK;
    }
    mark_retain(m);
    command c = {.kind = COMMAND_RECORD, .mark = m};
    stream_push(stream, &c);
    return DVT_OK;
}

/* A passed event tells what its stream had failed with; the stream keeps it for its own sync. */
static dvt_status verdict(const mark *m, dvt_error *error) {
    if (m->error.code == DVT_OK) return DVT_OK;
    error->tag = m->error.tag;
    error->native_code = m->error.native_code;
    return dvt_set_error(error, m->error.code, m->error.message);
}

/* Hot: one atomic read, unless there is a failure to tell. */
dvt_status event_query(dvt_event *event, dvt_error *error) {
    if (atomic_load(&event->device->state) != DEVICE_READY)
        return device_check(event->device, error);
    if (event->mark == NULL) return DVT_OK; /* nothing was recorded: nothing to wait for */
    if (!atomic_load(&event->mark->passed)) return DVT_PENDING;
    return verdict(event->mark, error);
}

dvt_status event_sync(dvt_event *event, uint64_t timeout_ns, dvt_error *error) {
    if (atomic_load(&event->device->state) == DEVICE_FORKED)
        return device_check(event->device, error);
    if (event->mark == NULL) return device_check(event->device, error);
    if (!mark_wait(event->mark, timeout_ns))
        return fail(error, DVT_TIMEOUT,
                    "event_sync: the stream has not come to the event within %llu ns; the work "
                    "goes on",
                    (unsigned long long)timeout_ns);
    dvt_status status = verdict(event->mark, error);
    return status == DVT_OK ? device_check(event->device, error) : status;
}

dvt_status event_elapsed(dvt_event *start, dvt_event *end, double *ns, dvt_error *error) {
    dvt_status status = device_check(start->device, error);
    if (status != DVT_OK) return status;
    if (start->mark == NULL || end->mark == NULL)
        return fail(error, DVT_INVALID_ARGUMENT,
                    "event_elapsed: both events must be recorded on a stream first");
    if (!atomic_load(&start->mark->passed) || !atomic_load(&end->mark->passed)) return DVT_PENDING;
    *ns = (double)end->mark->when - (double)start->mark->when;
    return DVT_OK;
}

void event_destroy(dvt_event *event) {
    /* In a forked child a thread of the parent may seem to wait for the mark still: leave it. */
    if (atomic_load(&event->device->state) != DEVICE_FORKED) mark_release(event->mark);
    free(event);
}
