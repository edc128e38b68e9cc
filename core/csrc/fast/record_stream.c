/* Streams and events in a recording.
 *
 * To read what a call on a stream wrote, the recorder waits for the stream. An error that it meets
 * there belongs to the core: it is kept, and given to the core's next sync of stream or device. */
#include "record.h"

#include <pthread.h>
#include <stdlib.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dvf_recorded_stream *live; /* of every recorded plugin */

static void new_lock(void) {
    pthread_mutex_init(&lock, NULL);
}

static void guard_forks(void) {
    pthread_atfork(NULL, NULL, new_lock);
}

static dvf_recorded_stream *recorded_stream(dvt_stream *stream) {
    return (dvf_recorded_stream *)(void *)stream;
}

static dvf_recorded_event *recorded_event(dvt_event *event) {
    return (dvf_recorded_event *)(void *)event;
}

static const dvt_device_api *below(const dvf_recorder *recorder) {
    return &recorder->below.device;
}

dvt_stream *dvf_record_stream_below(dvt_stream *stream) {
    return stream != NULL ? recorded_stream(stream)->below : NULL;
}

uint64_t dvf_record_stream_number(dvt_stream *stream) {
    return stream != NULL ? recorded_stream(stream)->number : 0;
}

/* ---- errors that the recorder's own waiting meets ---------------------------------------------------- */

dvt_status dvf_record_settle(dvt_stream *handle, dvt_error *error) {
    if (handle == NULL) return DVT_OK;
    dvf_recorded_stream *stream = recorded_stream(handle);
    dvf_recorder *recorder = stream->recorder;
    if (recorder->file.data == DVF_RECORD_NONE || below(recorder)->stream_sync == NULL ||
        atomic_load(&recorder->file.stopped))
        return DVT_OK;
    dvt_error met = {.struct_size = (uint32_t)sizeof met};
    dvt_status status = below(recorder)->stream_sync(stream->below, &met);
    if (status == DVT_OK) return DVT_OK;
    pthread_mutex_lock(&lock);
    if (stream->late == DVT_OK) { /* the first one is what the core would have seen */
        stream->late = status;
        stream->late_error = met;
    }
    pthread_mutex_unlock(&lock);
    if (error != NULL) *error = met;
    return status;
}

/* Copy into the caller's error, which may be shorter than ours. */
static void deliver(dvt_error *error, const dvt_error *late) {
    dvt_set_error(error, late->code, late->message);
    error->native_code = late->native_code;
    error->tag = late->tag;
}

dvt_status dvf_record_take_late(dvf_recorded_device *device, dvt_stream *stream, dvt_error *error) {
    dvt_status status = DVT_OK;
    pthread_mutex_lock(&lock);
    for (dvf_recorded_stream *s = live; s != NULL; s = s->next) {
        if (stream != NULL ? s != recorded_stream(stream) : s->device != device) continue;
        if (s->late == DVT_OK) continue;
        if (status == DVT_OK) {
            status = s->late;
            s->late_error.code = s->late;
            deliver(error, &s->late_error);
        }
        s->late = DVT_OK;
    }
    pthread_mutex_unlock(&lock);
    return status;
}

dvt_stream *dvf_record_own_stream(dvf_recorded_device *device) {
    const dvt_device_api *api = below(device->recorder);
    if (api->stream_create == NULL || api->stream_sync == NULL) return NULL;
    pthread_mutex_lock(&lock);
    if (device->own == NULL) {
        dvt_stream_desc desc = {.struct_size = (uint32_t)sizeof desc};
        dvt_error error = {.struct_size = (uint32_t)sizeof error};
        if (api->stream_create(device->below, &desc, &device->own, &error) != DVT_OK)
            device->own = NULL;
    }
    pthread_mutex_unlock(&lock);
    return device->own;
}

static void forget(dvf_recorded_stream *stream) {
    pthread_mutex_lock(&lock);
    for (dvf_recorded_stream **at = &live; *at != NULL; at = &(*at)->next) {
        if (*at == stream) {
            *at = stream->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    free(stream);
}

void dvf_record_forget_streams(dvf_recorded_device *device) {
    pthread_mutex_lock(&lock);
    for (dvf_recorded_stream **at = &live; *at != NULL;) {
        dvf_recorded_stream *stream = *at;
        if (stream->device == device) {
            *at = stream->next;
            free(stream);
        } else {
            at = &stream->next;
        }
    }
    pthread_mutex_unlock(&lock);
}

/* ---- streams ----------------------------------------------------------------------------------------- */

typedef dvt_status (*make_fn)(dvt_device *, const dvt_stream_desc *, dvt_stream **, dvt_error *);

static dvt_status make(const char *name, make_fn slot, dvt_device *handle,
                       const dvt_stream_desc *desc, dvt_stream **stream, dvt_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recorded_stream *s = calloc(1, sizeof *s);
    if (s == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to record a stream");
    pthread_once(&once, guard_forks);
    s->recorder = d->recorder;
    s->device = d;
    s->number = atomic_fetch_add(&d->recorder->handles, 1) + 1;
    dvf_recording record;
    dvf_recording_start(&record, d->recorder, name);
    dvf_text_put(&record.text, ",\"device\":%llu,\"stream\":%llu,\"flags\":%u,\"priority\":%d",
                 (unsigned long long)d->number, (unsigned long long)s->number, desc->flags,
                 desc->priority);
    dvf_record_extensions(&record.text, desc->ext);
    dvf_recording_begin(&record);
    dvt_status status = slot(d->below, desc, &s->below, error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    if (status != DVT_OK) {
        free(s);
        return status;
    }
    pthread_mutex_lock(&lock);
    s->next = live;
    live = s;
    pthread_mutex_unlock(&lock);
    *stream = (dvt_stream *)(void *)s;
    return DVT_OK;
}

static dvt_status stream_create(dvt_device *d, const dvt_stream_desc *desc, dvt_stream **stream,
                                dvt_error *error) {
    return make("stream_create", below(dvf_recorded(d)->recorder)->stream_create, d, desc, stream,
                error);
}

static dvt_status stream_wrap(dvt_device *d, const dvt_stream_desc *desc, dvt_stream **stream,
                              dvt_error *error) {
    return make("stream_wrap", below(dvf_recorded(d)->recorder)->stream_wrap, d, desc, stream,
                error);
}

static dvt_status stream_native(dvt_stream *handle, uint64_t *native, dvt_error *error) {
    dvf_recorded_stream *s = recorded_stream(handle);
    return below(s->recorder)->stream_native(s->below, native, error); /* tells nothing to replay */
}

static void start_stream(dvf_recording *record, const char *name, const dvf_recorded_stream *s) {
    dvf_recording_start(record, s->recorder, name);
    dvf_text_put(&record->text, ",\"stream\":%llu", (unsigned long long)s->number);
}

static void stream_destroy(dvt_stream *handle) {
    dvf_recorded_stream *s = recorded_stream(handle);
    dvf_recording record;
    start_stream(&record, "stream_destroy", s);
    dvf_recording_begin(&record);
    below(s->recorder)->stream_destroy(s->below);
    dvf_recording_end(&record, DVT_OK, NULL);
    dvf_recording_finish(&record);
    forget(s);
}

static dvt_status stream_sync(dvt_stream *handle, dvt_error *error) {
    dvf_recorded_stream *s = recorded_stream(handle);
    dvf_recording record;
    start_stream(&record, "stream_sync", s);
    dvf_recording_begin(&record);
    dvt_status status = below(s->recorder)->stream_sync(s->below, error);
    /* What our own sync met came first. */
    dvt_status late = dvf_record_take_late(s->device, handle, error);
    if (late != DVT_OK) status = late;
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    return status;
}

static dvt_status stream_wait(dvt_stream *handle, dvt_event *event, dvt_error *error) {
    dvf_recorded_stream *s = recorded_stream(handle);
    dvf_recorded_event *e = recorded_event(event);
    dvf_recording record;
    start_stream(&record, "stream_wait", s);
    dvf_text_put(&record.text, ",\"event\":%llu", (unsigned long long)e->number);
    dvf_recording_begin(&record);
    dvt_status status = below(s->recorder)->stream_wait(s->below, e->below, error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    return status;
}

/* ---- events ------------------------------------------------------------------------------------------ */

static void start_event(dvf_recording *record, const char *name, const dvf_recorded_event *e) {
    dvf_recording_start(record, e->recorder, name);
    dvf_text_put(&record->text, ",\"event\":%llu", (unsigned long long)e->number);
}

static dvt_status event_create(dvt_device *handle, dvt_event **event, dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recorded_event *e = calloc(1, sizeof *e);
    if (e == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to record an event");
    e->recorder = d->recorder;
    e->number = atomic_fetch_add(&d->recorder->handles, 1) + 1;
    dvf_recording record;
    start_event(&record, "event_create", e);
    dvf_text_put(&record.text, ",\"device\":%llu", (unsigned long long)d->number);
    dvf_recording_begin(&record);
    dvt_status status = below(e->recorder)->event_create(d->below, &e->below, error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    if (status == DVT_OK)
        *event = (dvt_event *)(void *)e;
    else
        free(e);
    return status;
}

static dvt_status event_record(dvt_event *event, dvt_stream *stream, dvt_error *error) {
    dvf_recorded_event *e = recorded_event(event);
    dvf_recording record;
    start_event(&record, "event_record", e);
    dvf_text_put(&record.text, ",\"stream\":%llu",
                 (unsigned long long)dvf_record_stream_number(stream));
    dvf_recording_begin(&record);
    dvt_status status =
        below(e->recorder)->event_record(e->below, dvf_record_stream_below(stream), error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    return status;
}

static dvt_status event_query(dvt_event *event, dvt_error *error) {
    dvf_recorded_event *e = recorded_event(event);
    dvf_recording record;
    start_event(&record, "event_query", e);
    dvf_recording_begin(&record);
    dvt_status status = below(e->recorder)->event_query(e->below, error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    return status;
}

static dvt_status event_sync(dvt_event *event, uint64_t timeout_ns, dvt_error *error) {
    dvf_recorded_event *e = recorded_event(event);
    dvf_recording record;
    start_event(&record, "event_sync", e);
    dvf_text_put(&record.text, ",\"timeout_ns\":%llu", (unsigned long long)timeout_ns);
    dvf_recording_begin(&record);
    dvt_status status = below(e->recorder)->event_sync(e->below, timeout_ns, error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    return status;
}

static dvt_status event_elapsed(dvt_event *first, dvt_event *last, double *ns, dvt_error *error) {
    dvf_recorded_event *e = recorded_event(first);
    dvf_recording record;
    start_event(&record, "event_elapsed", e);
    dvf_text_put(&record.text, ",\"end\":%llu", (unsigned long long)recorded_event(last)->number);
    dvf_recording_begin(&record);
    dvt_status status =
        below(e->recorder)->event_elapsed(e->below, recorded_event(last)->below, ns, error);
    dvf_recording_end(&record, status, error);
    if (status == DVT_OK) {
        dvf_text_put(&record.text, ",\"elapsed_ns\":");
        dvf_text_double(&record.text, *ns);
    }
    dvf_recording_finish(&record);
    return status;
}

static void event_destroy(dvt_event *event) {
    dvf_recorded_event *e = recorded_event(event);
    dvf_recording record;
    start_event(&record, "event_destroy", e);
    dvf_recording_begin(&record);
    below(e->recorder)->event_destroy(e->below);
    dvf_recording_end(&record, DVT_OK, NULL);
    dvf_recording_finish(&record);
    free(e);
}

void dvf_record_streams(dvt_device_api *api) {
    if (api->stream_create != NULL) api->stream_create = stream_create;
    if (api->stream_wrap != NULL) api->stream_wrap = stream_wrap;
    if (api->stream_native != NULL) api->stream_native = stream_native;
    if (api->stream_destroy != NULL) api->stream_destroy = stream_destroy;
    if (api->stream_sync != NULL) api->stream_sync = stream_sync;
    if (api->stream_wait != NULL) api->stream_wait = stream_wait;
    if (api->event_create != NULL) api->event_create = event_create;
    if (api->event_record != NULL) api->event_record = event_record;
    if (api->event_query != NULL) api->event_query = event_query;
    if (api->event_sync != NULL) api->event_sync = event_sync;
    if (api->event_elapsed != NULL) api->event_elapsed = event_elapsed;
    if (api->event_destroy != NULL) api->event_destroy = event_destroy;
}
