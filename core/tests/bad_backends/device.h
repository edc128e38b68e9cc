/* A device that is right, and asynchronous: memory the host must not touch, and one worker thread per
 * stream that takes its time before each task. A bad backend includes this and breaks one slot:
 *
 *     static dvt_status copy_flat(dvt_device *device, const dvt_copy *copy, dvt_error *error) {...}
 *     PLUGIN_WITH(DEVICE device_api.copy = copy_flat;)
 *
 * One lock and one condition for everything: this is to be easy to get right, not quick. */
#ifndef DEVICE_H
#define DEVICE_H

#include "task.h"

#define ALIGNMENT 256
#define CAPACITY (UINT64_C(1) << 30)

/* ---- devices and memory ----------------------------------------------------------------------- */

static inline dvt_status device_open(const dvt_device_desc *desc, dvt_device **device,
                                     dvt_error *error) {
    if (desc->n_options != 0)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "this device takes no options");
    if (desc->ordinal != 0)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "there is one device, with number 0");
    *device = calloc(1, sizeof **device);
    if (*device == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for a device");
    (*device)->host = desc->host;
    return DVT_OK;
}

static inline void device_close(dvt_device *device) {
    free(device);
}

static inline dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    static const dvt_memory_space space = {.struct_size = sizeof space,
                                           .kind = DVT_SPACE_DEVICE,
                                           .alignment = ALIGNMENT,
                                           .place = {DVT_PLACE_EXTENSION, 0},
                                           .name = "own",
                                           .capacity = CAPACITY};
    static const dvt_memory_space *const spaces[] = {&space};
    (void)device;
    (void)error;
    info->name = "Acme card";
    info->vendor = "Acme";
    info->architecture = "acme-1";
    info->compatibility_key = "acme-1.2.3";
    info->spaces = spaces;
    info->n_spaces = 1;
    return DVT_OK;
}

static inline dvt_status device_memory(dvt_device *device, uint32_t space, uint64_t *free_bytes,
                                       uint64_t *total_bytes, dvt_error *error) {
    if (space != 0) return dvt_set_error(error, DVT_INVALID_ARGUMENT, "there is one space");
    pthread_mutex_lock(&lock);
    *free_bytes = CAPACITY - device->used;
    *total_bytes = CAPACITY;
    pthread_mutex_unlock(&lock);
    return DVT_OK;
}

static inline uint64_t whole(uint64_t size) {
    return (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
}

static inline dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                               dvt_error *error) {
    uint64_t alignment = desc->alignment > ALIGNMENT ? desc->alignment : ALIGNMENT;
    *data = NULL;
    pthread_mutex_lock(&lock);
    int room = desc->size <= CAPACITY && device->used + whole(desc->size) <= CAPACITY;
    if (room) device->used += whole(desc->size);
    pthread_mutex_unlock(&lock);
    if (room) *data = aligned_alloc((size_t)alignment, (size_t)whole(desc->size + alignment));
    if (*data != NULL) return DVT_OK;
    pthread_mutex_lock(&lock);
    if (room) device->used -= whole(desc->size);
    pthread_mutex_unlock(&lock);
    return dvt_set_error(error, DVT_OUT_OF_MEMORY,
                         "the card has 1 GiB and not so much of it is free; free something");
}

static inline dvt_status do_free(task *t, dvt_error *error) {
    (void)error;
    memset(t->memory, 0xDD, (size_t)t->size); /* whoever still reads it shall notice */
    free(t->memory);
    return DVT_OK;
}

static inline void release(dvt_device *device, const dvt_alloc_desc *desc) {
    dvt_error error = {.struct_size = sizeof error};
    task *t = new_task(do_free, NULL, 0, NULL, 0, &error);
    pthread_mutex_lock(&lock);
    device->used -= whole(desc->size);
    pthread_mutex_unlock(&lock);
    if (t == NULL) return;
    t->memory = desc->data;
    t->size = desc->size;
    submit(desc->stream, t, &error);
}

/* ---- copy and fill ---------------------------------------------------------------------------- */

static inline dvt_status do_copy(task *t, dvt_error *error) {
    const dvt_tensor *from = &t->tensors[0], *to = &t->tensors[1];
    (void)error;
    for (int64_t i = 0, n = count(to); i < n; i++)
        memcpy(element(to, i), element(from, i), (size_t)to->dtype.bits / 8);
    return DVT_OK;
}

static inline dvt_status copy(dvt_device *device, const dvt_copy *desc, dvt_error *error) {
    task *t = new_task(do_copy, &desc->source, 1, &desc->destination, 1, error);
    (void)device;
    if (t == NULL) return DVT_OUT_OF_MEMORY;
    t->tag = desc->tag;
    return submit(desc->stream, t, error);
}

static inline dvt_status do_fill(task *t, dvt_error *error) {
    const dvt_tensor *to = &t->tensors[0];
    (void)error;
    for (int64_t i = 0, n = count(to); i < n; i++)
        memcpy(element(to, i), t->pattern, (size_t)to->dtype.bits / 8);
    return DVT_OK;
}

static inline dvt_status fill(dvt_device *device, const dvt_fill *desc, dvt_error *error) {
    task *t = new_task(do_fill, NULL, 0, &desc->destination, 1, error);
    (void)device;
    if (t == NULL) return DVT_OUT_OF_MEMORY;
    memcpy(t->pattern, desc->pattern, desc->destination->dtype.bits / 8);
    t->tag = desc->tag;
    return submit(desc->stream, t, error);
}

/* ---- streams ---------------------------------------------------------------------------------- */

static inline dvt_status stream_create(dvt_device *device, const dvt_stream_desc *desc,
                                       dvt_stream **stream, dvt_error *error) {
    dvt_stream *s = calloc(1, sizeof *s);
    (void)desc;
    if (s != NULL) {
        s->device = device;
        s->end = &s->first;
    }
    if (s == NULL || pthread_create(&s->thread, NULL, serve, s) != 0) {
        free(s);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for a stream; destroy another");
    }
    pthread_mutex_lock(&lock);
    s->next = streams;
    streams = s;
    pthread_mutex_unlock(&lock);
    *stream = s;
    return DVT_OK;
}

static inline void stream_destroy(dvt_stream *stream) {
    pthread_mutex_lock(&lock);
    stream->ends = 1;
    for (dvt_stream **at = &streams; *at != NULL; at = &(*at)->next)
        if (*at == stream) {
            *at = stream->next;
            break;
        }
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    pthread_join(stream->thread, NULL);
    free(stream);
}

static inline dvt_status stream_sync(dvt_stream *stream, dvt_error *error) {
    pthread_mutex_lock(&lock);
    while (stream->first != NULL) pthread_cond_wait(&changed, &lock);
    dvt_error failure = stream->failure;
    memset(&stream->failure, 0, sizeof stream->failure);
    pthread_mutex_unlock(&lock);
    if (failure.code == 0) return DVT_OK;
    error->tag = failure.tag;
    return dvt_set_error(error, failure.code, failure.message);
}

static inline dvt_status device_sync(dvt_device *device, dvt_error *error) {
    dvt_error first = {.struct_size = sizeof first};
    pthread_mutex_lock(&lock);
    for (dvt_stream *s = streams; s != NULL; s = s->next) {
        while (s->device == device && s->first != NULL) pthread_cond_wait(&changed, &lock);
        if (s->device != device || s->failure.code == 0 || first.code != 0) continue;
        first = s->failure;
        memset(&s->failure, 0, sizeof s->failure);
    }
    pthread_mutex_unlock(&lock);
    if (first.code == 0) return DVT_OK;
    error->tag = first.tag;
    return dvt_set_error(error, first.code, first.message);
}

/* ---- events ----------------------------------------------------------------------------------- */

static inline void drop(dvt_event *event) { /* under the lock */
    if (--event->references == 0) free(event);
}

static inline dvt_status event_create(dvt_device *device, dvt_event **event, dvt_error *error) {
    (void)device;
    *event = calloc(1, sizeof **event);
    if (*event == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for an event");
    (*event)->references = 1;
    return DVT_OK;
}

static inline dvt_status do_record(task *t, dvt_error *error) {
    (void)error;
    pthread_mutex_lock(&lock);
    if (t->event->passed < t->number) t->event->passed = t->number;
    drop(t->event);
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return DVT_OK;
}

static inline dvt_status do_wait(task *t, dvt_error *error) {
    (void)error;
    pthread_mutex_lock(&lock);
    while (t->event->passed < t->number) pthread_cond_wait(&changed, &lock);
    drop(t->event);
    pthread_mutex_unlock(&lock);
    return DVT_OK;
}

static inline dvt_status mark(dvt_event *event, dvt_stream *stream, work_fn work, uint64_t more,
                              dvt_error *error) {
    task *t = new_task(work, NULL, 0, NULL, 0, error);
    if (t == NULL) return DVT_OUT_OF_MEMORY;
    pthread_mutex_lock(&lock);
    event->recorded += more;
    event->references++;
    t->event = event;
    t->number = event->recorded;
    pthread_mutex_unlock(&lock);
    return submit(stream, t, error);
}

static inline dvt_status event_record(dvt_event *event, dvt_stream *stream, dvt_error *error) {
    return mark(event, stream, do_record, 1, error);
}

static inline dvt_status stream_wait(dvt_stream *stream, dvt_event *event, dvt_error *error) {
    return mark(event, stream, do_wait, 0, error);
}

static inline dvt_status event_query(dvt_event *event, dvt_error *error) {
    (void)error;
    pthread_mutex_lock(&lock);
    int passed = event->passed == event->recorded;
    pthread_mutex_unlock(&lock);
    return passed ? DVT_OK : DVT_PENDING;
}

static inline dvt_status event_sync(dvt_event *event, uint64_t timeout_ns, dvt_error *error) {
    struct timespec until;
    int late = 0;
    timespec_get(&until, TIME_UTC);
    if (timeout_ns < UINT64_C(1000000000) * 1000000) { /* longer is as good as for ever */
        uint64_t ns = (uint64_t)until.tv_nsec + timeout_ns;
        until.tv_sec += (time_t)(ns / 1000000000);
        until.tv_nsec = (long)(ns % 1000000000);
    } else {
        until.tv_sec += 1000000;
    }
    pthread_mutex_lock(&lock);
    while (event->passed < event->recorded && !late)
        late = pthread_cond_timedwait(&changed, &lock, &until) != 0;
    int passed = event->passed == event->recorded;
    pthread_mutex_unlock(&lock);
    return passed ? DVT_OK
                  : dvt_set_error(error, DVT_TIMEOUT, "the event has not passed in the time given");
}

static inline void event_destroy(dvt_event *event) {
    pthread_mutex_lock(&lock);
    drop(event);
    pthread_mutex_unlock(&lock);
}

/* ---- kernels on it ---------------------------------------------------------------------------- */

/* Takes scratch memory as a real kernel may; where there is none, the failure comes late. */
static inline dvt_status do_add(task *t, dvt_error *error) {
    const dvt_tensor *inputs[] = {&t->tensors[0], &t->tensors[1]}, *outputs[] = {&t->tensors[2]};
    dvt_call call = {.struct_size = sizeof call, .inputs = inputs, .outputs = outputs};
    void *scratch = t->host->host_alloc(t->host, 64, 64);
    if (scratch == NULL)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "add: no scratch memory; free something");
    t->host->host_free(t->host, scratch, 64);
    return add(&call, error);
}

static inline dvt_status enqueue_add(const dvt_call *call, dvt_error *error) {
    task *t = new_task(do_add, call->inputs, call->n_inputs, call->outputs, call->n_outputs, error);
    if (t == NULL) return DVT_OUT_OF_MEMORY;
    t->host = call->host;
    t->tag = call->tag;
    return submit(call->stream, t, error);
}

static dvt_device_api device_api = {.struct_size = sizeof device_api,
                                    .device_open = device_open,
                                    .device_close = device_close,
                                    .device_info = device_info,
                                    .device_memory = device_memory,
                                    .device_sync = device_sync,
                                    .alloc = alloc,
                                    .release = release,
                                    .copy = copy,
                                    .fill = fill,
                                    .stream_create = stream_create,
                                    .stream_destroy = stream_destroy,
                                    .stream_sync = stream_sync,
                                    .stream_wait = stream_wait,
                                    .event_create = event_create,
                                    .event_record = event_record,
                                    .event_query = event_query,
                                    .event_sync = event_sync,
                                    .event_destroy = event_destroy};

#define DEVICE                                                                                     \
    plugin.device = &device_api;                                                                   \
    rows[0].run = enqueue_add;

#endif /* DEVICE_H */
