/* Streams: one worker thread each, which runs the commands of its ring in order. A real driver pushes
 * to the chip's own queue in stream_push and has no worker; the rest stays. */
#include "stream.h"

#include <sched.h>
#include <signal.h>
#include <stdlib.h>

/* ---- the ring ---- */

static void wait_for(sem_t *semaphore) {
    while (sem_wait(semaphore) != 0) { /* interrupted by a signal of the application */
    }
}

void stream_push(dvt_stream *stream, const command *c) {
    wait_for(&stream->room);
    slot *s = &stream->slots[atomic_fetch_add(&stream->tail, 1) % stream->n_slots];
    s->command = *c;
    atomic_store(&s->ready, true);
    sem_post(&stream->filled);
}

static const command *front(dvt_stream *stream) {
    wait_for(&stream->filled);
    slot *s = &stream->slots[stream->head % stream->n_slots];
    while (!atomic_load(&s->ready)) sched_yield(); /* its thread is just writing it */
    return &s->command;
}

static void pop(dvt_stream *stream) {
    atomic_store(&stream->slots[stream->head++ % stream->n_slots].ready, false);
    sem_post(&stream->room);
}

/* ---- the worker ---- */

static void compute(dvt_stream *stream, const command *c) {
    if (stream->error.code != DVT_OK) {
        stream->skipped++; /* DVT_CANCELLED: it may need what failed */
    } else if (command_execute(stream->device, c, &stream->error) != DVT_OK) {
        stream->error.tag = c->tag;
    }
    if (c->kind == COMMAND_RUN) task_release(c->run.task);
}

/* What was waited for failed: so does what comes after the wait. */
static void inherit(dvt_stream *stream, const mark *m) {
    if (m->error.code == DVT_OK || stream->error.code != DVT_OK) return;
    fail(&stream->error, DVT_CANCELLED,
         "skipped, because the stream waited for an event behind a failure: %s", m->error.message);
    stream->error.tag = m->error.tag;
}

static void deliver(dvt_stream *stream, report *r) {
    if (stream->error.code != DVT_OK && !atomic_exchange(r->taken, true)) {
        r->error = stream->error;
        if (stream->skipped > 0)
            fail(&r->error, r->error.code, "%s (and %llu later calls on its stream were skipped)",
                 stream->error.message, (unsigned long long)stream->skipped);
        stream->error = (dvt_error){.struct_size = sizeof stream->error};
        stream->skipped = 0;
    }
    sem_post(&r->done); /* the last touch: the waiting thread owns it */
}

static void *work(void *argument) {
    dvt_stream *stream = argument;
    for (;;) {
        const command *c = front(stream);
        switch (c->kind) {
        case COMMAND_RUN:
        case COMMAND_COPY:
            compute(stream, c);
            break;
        case COMMAND_RELEASE:
            memory_unmap(c->release.device, c->release.space, c->release.data);
            break;
        case COMMAND_RECORD:
            mark_pass(c->mark, &stream->error);
            mark_release(c->mark);
            break;
        case COMMAND_WAIT:
            mark_wait(c->mark, UINT64_MAX);
            inherit(stream, c->mark);
            mark_release(c->mark);
            break;
        case COMMAND_SYNC:
            deliver(stream, c->report);
            break;
        case COMMAND_STOP:
            return NULL;
        }
        pop(stream);
    }
}

/* Signals are the application's: none is delivered to a worker. */
static int start(dvt_stream *stream) {
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&stream->worker, NULL, work, stream);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed;
}

/* ---- the table's slots ---- */

dvt_status stream_create(dvt_device *device, const dvt_stream_desc *desc, dvt_stream **stream,
                         dvt_error *error) {
    (void)desc; /* all priorities are equal here */
    dvt_status status = device_check(device, error);
    if (status != DVT_OK) return status;
    dvt_stream *s = calloc(1, sizeof *s);
    slot *slots = calloc(device->options.queue, sizeof *slots);
    if (s == NULL || slots == NULL) {
        free(s);
        free(slots);
        return fail(error, DVT_OUT_OF_MEMORY,
                    "stream_create: the host has no memory for %llu commands",
                    (unsigned long long)device->options.queue);
    }
    s->device = device;
    s->slots = slots;
    s->n_slots = device->options.queue;
    s->error.struct_size = sizeof s->error;
    sem_init(&s->room, 0, (unsigned)s->n_slots);
    sem_init(&s->filled, 0, 0);
    if (start(s) != 0) {
        sem_destroy(&s->room);
        sem_destroy(&s->filled);
        free(slots);
        free(s);
        return fail(error, DVT_INTERNAL,
                    "stream_create: the system starts no more threads; close streams or raise "
                    "the limit of threads");
    }
    pthread_mutex_lock(&device->streams_lock);
    s->next = device->streams;
    device->streams = s;
    pthread_mutex_unlock(&device->streams_lock);
    *stream = s;
    return DVT_OK;
}

void stream_destroy(dvt_stream *stream) {
    dvt_device *device = stream->device;
    if (atomic_load(&device->state) == DEVICE_FORKED) return; /* its worker is not here */
    pthread_mutex_lock(&device->streams_lock);
    for (dvt_stream **at = &device->streams; *at != NULL; at = &(*at)->next) {
        if (*at != stream) continue;
        *at = stream->next;
        break;
    }
    pthread_mutex_unlock(&device->streams_lock);
    command c = {.kind = COMMAND_STOP};
    stream_push(stream, &c);
    pthread_join(stream->worker, NULL);
    sem_destroy(&stream->room);
    sem_destroy(&stream->filled);
    free(stream->slots);
    free(stream);
}

static void ask(dvt_stream *stream, report *r, atomic_bool *taken) {
    *r = (report){.taken = taken, .error = {.struct_size = sizeof r->error}};
    sem_init(&r->done, 0, 0);
    command c = {.kind = COMMAND_SYNC, .report = r};
    stream_push(stream, &c);
}

static dvt_status answer(report *r, dvt_error *error) {
    wait_for(&r->done);
    sem_destroy(&r->done);
    if (r->error.code == DVT_OK) return DVT_OK;
    error->tag = r->error.tag;
    error->native_code = r->error.native_code;
    return dvt_set_error(error, r->error.code, r->error.message);
}

dvt_status stream_sync(dvt_stream *stream, dvt_error *error) {
    report r;
    atomic_bool taken = false;
    if (atomic_load(&stream->device->state) == DEVICE_FORKED)
        return device_check(stream->device, error);
    ask(stream, &r, &taken);
    dvt_status status = answer(&r, error);
    return status == DVT_OK ? device_check(stream->device, error) : status;
}

/* All streams are asked before one is waited for: by then a stream may be destroyed, which does not
 * hurt, since it answers first. */
dvt_status stream_sync_all(dvt_device *device, dvt_error *error) {
    atomic_bool taken = false;
    uint32_t n = 0;
    if (atomic_load(&device->state) == DEVICE_FORKED) return device_check(device, error);
    pthread_mutex_lock(&device->streams_lock);
    for (const dvt_stream *s = device->streams; s != NULL; s = s->next) n++;
    report *reports = calloc(n + 1, sizeof *reports);
    if (reports == NULL) {
        pthread_mutex_unlock(&device->streams_lock);
        return fail(error, DVT_OUT_OF_MEMORY, "device_sync: the host has no memory left");
    }
    n = 0;
    for (dvt_stream *s = device->streams; s != NULL; s = s->next) ask(s, &reports[n++], &taken);
    pthread_mutex_unlock(&device->streams_lock);
    dvt_status status = DVT_OK;
    for (uint32_t i = 0; i < n; i++) {
        dvt_status one = answer(&reports[i], error); /* at most one has the error */
        if (one != DVT_OK) status = one;
    }
    free(reports);
    return status == DVT_OK ? device_check(device, error) : status;
}

dvt_status stream_wait(dvt_stream *stream, dvt_event *event, dvt_error *error) {
    dvt_status status = device_check(stream->device, error);
    if (status != DVT_OK || event->mark == NULL) return status;
    mark_retain(event->mark);
    command c = {.kind = COMMAND_WAIT, .mark = event->mark};
    stream_push(stream, &c);
    return DVT_OK;
}
