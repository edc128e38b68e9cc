/* An asynchronous device for the tests of the core: one worker thread per stream, memory that only the
 * worker touches, and failures that are found late. What breaks the contract is an error in words: a
 * handle of another plugin, arithmetic on a handle, use after release.
 *
 * A file that includes this may define first: PLACE (its memory's dvt_place.type; an own kind otherwise,
 * with handles that are no addresses), EVENTS 0, VISIBLE 1 (host-visible and coherent: neither alloc nor
 * copy), IMPORTS 1, CANCELS 1 (a call after a failure is cancelled at once), LIMIT (bytes of all its
 * memories). While the file named by ASYNC_HOLD exists, the workers stand still; with ASYNC_TELL, the
 * device writes to standard output what is asked of it.
 *
 * Kernels, float32: add; divide, which fails late where a divisor is 0; log, which loses the device where
 * an operand is negative; sqrt, which runs on the host; power, which reads its exponents there. */
#ifndef ASYNC_DEVICE_H
#define ASYNC_DEVICE_H

#ifndef EVENTS
#define EVENTS 1
#endif
#ifndef LIMIT
#define LIMIT (64 << 20)
#endif
#ifndef CANCELS
#define CANCELS 0
#endif
#ifndef VISIBLE
#define VISIBLE 0
#endif
#ifndef IMPORTS
#define IMPORTS 0
#endif
#ifdef PLACE
#define OPAQUE 0
#else
#define PLACE DVT_PLACE_EXTENSION
#define OPAQUE 1
#endif
#include "async_work.h"
#include "good.h"

/* ---- enqueueing ---------------------------------------------------------------------------------- */

static view view_of(const dvt_tensor *t, int own) {
    view v = {.data = t->data,
              .own = own,
              .byte_offset = t->byte_offset,
              .ndim = t->ndim,
              .item = (size_t)t->dtype.bits / 8};
    if (t->ndim > MOST_AXES) abort();
    memcpy(v.extents, t->shape, (size_t)t->ndim * sizeof *t->shape);
    memcpy(v.extents + t->ndim, t->strides, (size_t)t->ndim * sizeof *t->strides);
    return v;
}

static dvt_status enqueue(dvt_stream *s, const task *like, dvt_error *error) {
    task *t = malloc(sizeof *t);
    int gives_back = like->kind == RUN_RELEASE; /* which a lost device does, too */
    if (s == NULL || t == NULL) {
        free(t);
        return dvt_set_error(error, DVT_INTERNAL, "this device does nothing without a stream");
    }
    if (s->device->lost && !gives_back) {
        free(t);
        return dvt_set_error(error, DVT_DEVICE_LOST, "the chip is not on its bus");
    }
    *t = *like;
    t->next = NULL;
    pthread_mutex_lock(&s->lock);
    if (CANCELS && s->status != DVT_OK && (t->kind == RUN_KERNEL || t->kind == RUN_COPY)) {
        pthread_mutex_unlock(&s->lock);
        free(t);
        return dvt_set_error(error, DVT_CANCELLED, "skipped: work before it failed");
    }
    *s->end = t;
    s->end = &t->next;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    return DVT_OK;
}

static dvt_status launch(const dvt_call *call, char op, uint64_t host_inputs, dvt_error *error) {
    task t = {.kind = RUN_KERNEL, .op = op, .tag = call->tag};
    if (call->tag == 0)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "an enqueued call has no tag");
    for (uint32_t i = 0; i < call->n_inputs; i++) {
        int on_host = (int)(host_inputs >> i & 1);
        if (on_host && call->inputs[i]->place.type != DVT_PLACE_CPU)
            return dvt_set_error(error, DVT_INTERNAL, "an operand is not on the host");
        t.views[t.n_views++] = view_of(call->inputs[i], !on_host);
    }
    t.views[t.n_views++] = view_of(call->outputs[0], 1);
    return enqueue(call->stream, &t, error);
}

static dvt_status run_add(const dvt_call *call, dvt_error *error) {
    return launch(call, '+', 0, error);
}

static dvt_status run_divide(const dvt_call *call, dvt_error *error) {
    return launch(call, '/', 0, error);
}

static dvt_status run_log(const dvt_call *call, dvt_error *error) {
    return launch(call, 'l', 0, error);
}

static dvt_status run_power(const dvt_call *call, dvt_error *error) {
    return launch(call, '^', 2, error);
}

static dvt_status run_sqrt(const dvt_call *call, dvt_error *error) {
    const float *x = dvt_tensor_data(call->inputs[0]);
    float *z = dvt_tensor_data(call->outputs[0]);
    int64_t n = 1;
    if (call->stream != NULL || call->inputs[0]->place.type != DVT_PLACE_CPU ||
        call->outputs[0]->place.type != DVT_PLACE_CPU)
        return dvt_set_error(error, DVT_INTERNAL, "this kernel runs on the host alone");
    for (int32_t d = 0; d < call->outputs[0]->ndim; d++) n *= call->outputs[0]->shape[d];
    for (int64_t i = 0; i < n; i++) z[i] = sqrtf(x[i]);
    return DVT_OK;
}

/* ---- the device table ---------------------------------------------------------------------------- */

static dvt_status device_count(const dvt_host *host, uint32_t *n, dvt_error *error) {
    (void)host;
    (void)error;
    *n = COUNT;
    return DVT_OK;
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    (void)error;
    *device = &devices[desc->ordinal];
    (*device)->ordinal = desc->ordinal;
    return DVT_OK;
}

static void say(const char *what) {
    if (getenv("ASYNC_TELL") == NULL) return;
    char text[80];
    int n = snprintf(text, sizeof text, "%s %s\n", NAME, what);
    if (n > 0 && write(STDOUT_FILENO, text, (size_t)n) < 0) abort();
}

static void device_close(dvt_device *device) {
    say(device->ordinal == 0 ? "closed 0" : "closed 1");
}

static void shut_down(void) {
    say("shut down");
}

static dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    static const dvt_memory_space space = {.struct_size = sizeof space,
                                           .flags =
                                               VISIBLE ? DVT_SPACE_HOST_VISIBLE | DVT_SPACE_COHERENT
                                               : OPAQUE ? DVT_SPACE_OPAQUE
                                                        : 0,
                                           .kind = DVT_SPACE_DEVICE,
                                           .place = {PLACE, 5},
                                           .name = "own"};
    static const dvt_memory_space *const spaces[] = {&space};
    (void)device;
    (void)error;
    info->name = "async";
    info->spaces = spaces;
    info->n_spaces = 1;
    return DVT_OK;
}

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    if (device->lost) return dvt_set_error(error, DVT_DEVICE_LOST, "the chip is not on its bus");
    char *memory = aligned_alloc(64, (size_t)(desc->size + 63) / 64 * 64);
    if (memory != NULL) *data = put_block(memory, desc->size);
    if (memory != NULL && *data == NULL) free(memory);
    if (memory == NULL || *data == NULL)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "the chip is full");
    return DVT_OK;
}

static void release(dvt_device *device, const dvt_alloc_desc *desc) {
    dvt_error ignored = {.struct_size = sizeof ignored};
    task t = {.kind = RUN_RELEASE, .data = desc->data};
    (void)device;
    if (desc->stream == NULL)
        drop_block(desc->data);
    else if (enqueue(desc->stream, &t, &ignored) != DVT_OK)
        abort(); /* the host's memory is full, and this slot cannot fail */
}

static dvt_status copy(dvt_device *device, const dvt_copy *c, dvt_error *error) {
    const dvt_device *ends[2] = {c->source_device, c->destination_device};
    task t = {.kind = RUN_COPY, .tag = c->tag, .n_views = 2};
    if (!is_own(device)) return dvt_set_error(error, DVT_INTERNAL, "copy on a foreign device");
    for (int i = 0; i < 2; i++)
        if (ends[i] != NULL && !is_own(ends[i]))
            return dvt_set_error(error, DVT_INTERNAL, "a device of another plugin reached copy");
    t.views[0] = view_of(c->source, c->source_device != NULL);
    t.views[1] = view_of(c->destination, c->destination_device != NULL);
    return enqueue(c->stream, &t, error);
}

static dvt_status stream_create(dvt_device *device, const dvt_stream_desc *desc,
                                dvt_stream **stream, dvt_error *error) {
    dvt_stream *s = calloc(1, sizeof *s);
    (void)desc;
    if (s == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for a stream");
    s->device = device;
    s->end = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->changed, NULL);
    if (pthread_create(&s->worker, NULL, work_off, s) != 0) {
        free(s);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no thread for a stream");
    }
    *stream = s;
    return DVT_OK;
}

static void stream_destroy(dvt_stream *s) {
    pthread_mutex_lock(&s->lock);
    s->stop = 1;
    pthread_cond_broadcast(&s->changed);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->worker, NULL);
    free(s);
}

static dvt_status stream_sync(dvt_stream *s, dvt_error *error) {
    pthread_mutex_lock(&s->lock);
    while (s->first != NULL || s->busy) pthread_cond_wait(&s->changed, &s->lock);
    dvt_status status = s->status;
    if (status != DVT_OK) {
        dvt_set_error(error, status, s->text);
        error->tag = s->tag;
        error->native_code = 42;
    }
    s->status = DVT_OK;
    pthread_mutex_unlock(&s->lock);
    return status;
}

#if EVENTS
static dvt_status event_create(dvt_device *device, dvt_event **event, dvt_error *error) {
    dvt_event *e = calloc(1, sizeof *e);
    (void)device;
    if (e == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for an event");
    *event = e;
    return DVT_OK;
}

static dvt_status event_record(dvt_event *e, dvt_stream *stream, dvt_error *error) {
    task t = {.kind = RUN_RECORD, .mark = calloc(1, sizeof *t.mark)};
    if (t.mark == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for an event");
    pthread_mutex_lock(&marks_lock);
    t.mark->holders = 2;
    drop_mark(e->last);
    e->last = t.mark;
    pthread_mutex_unlock(&marks_lock);
    dvt_status status = enqueue(stream, &t, error);
    if (status != DVT_OK) run_mark(&t); /* nobody shall wait for what is not queued */
    return status;
}

static dvt_status stream_wait(dvt_stream *stream, dvt_event *e, dvt_error *error) {
    task t = {.kind = RUN_WAIT};
    pthread_mutex_lock(&marks_lock);
    t.mark = e->last;
    if (t.mark != NULL) t.mark->holders++;
    pthread_mutex_unlock(&marks_lock);
    dvt_status status = t.mark != NULL ? enqueue(stream, &t, error) : DVT_OK;
    if (status == DVT_OK) return DVT_OK;
    pthread_mutex_lock(&marks_lock);
    drop_mark(t.mark);
    pthread_mutex_unlock(&marks_lock);
    return status;
}

static void event_destroy(dvt_event *e) {
    pthread_mutex_lock(&marks_lock);
    drop_mark(e->last);
    pthread_mutex_unlock(&marks_lock);
    free(e);
}
#endif

#if IMPORTS
static dvt_status import_memory(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                                dvt_error *error) {
    (void)device;
    (void)error;
    if (desc->place.type == PLACE) return DVT_UNSUPPORTED;
    *data = put_block(desc->data, desc->size);
    say("imported");
    return DVT_OK;
}

static void unimport_memory(dvt_device *device, const dvt_alloc_desc *desc) {
    (void)device;
    forget_block(find_block(desc->data));
    say("unimported");
}
#endif

static const dvt_device_api device_api = {
    .struct_size = sizeof device_api,
    .device_count = device_count,
    .device_open = device_open,
    .device_close = device_close,
    .device_info = device_info,
    .alloc = VISIBLE ? NULL : alloc,
    .release = VISIBLE ? NULL : release,
    .copy = VISIBLE ? NULL : copy,
#if IMPORTS
    .import_memory = import_memory,
    .unimport_memory = unimport_memory,
#endif
    .stream_create = stream_create,
    .stream_destroy = stream_destroy,
    .stream_sync = stream_sync,
#if EVENTS
    .stream_wait = stream_wait,
    .event_create = event_create,
    .event_record = event_record,
    .event_destroy = event_destroy,
#endif
};

#define ROW(name, function)                                                                        \
    .op = name, .types = "T=f32", .min_version = 1, .max_version = 1, .run = function
static const dvt_kernel_def rows[] = {{ROW("add", run_add)},
                                      {ROW("divide", run_divide)},
                                      {ROW("log", run_log)},
                                      {ROW("sqrt", run_sqrt), .flags = DVT_KERNEL_ON_HOST},
                                      {ROW("power", run_power), .host_inputs = 2}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api, .shutdown = shut_down};

QUERY {
    (void)host;
    (void)add;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}

#endif /* ASYNC_DEVICE_H */
