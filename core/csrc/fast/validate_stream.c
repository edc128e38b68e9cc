/* Slots about streams and events. */
#include "validate_order.h"

#include <math.h>

bool dvv_use_stream(dvv_frame *f, const dvt_stream *handle, const dvv_device *device,
                    dvv_stream **stream) {
    *stream = NULL;
    if (handle == NULL) return true;
    dvv_stream *s = dvv_use(f, handle, DVV_STREAM, DVV_SHARED);
    if (s == NULL) return false;
    if (device == NULL || s->handle.device != &device->handle) {
        dvv_blame_host(f, "the stream belongs to another device");
        return false;
    }
    *stream = s;
    return true;
}

static void forget_stream(dvv_handle *handle) {
    dvv_clock_clear(&((dvv_stream *)handle)->clock);
}

static void forget_event(dvv_handle *handle) {
    dvv_clock_clear(&((dvv_event *)handle)->clock);
}

/* ---- streams --------------------------------------------------------------------------------------- */

typedef dvt_status (*make_stream)(dvt_device *device, const dvt_stream_desc *desc,
                                  dvt_stream **stream, dvt_error *error);

static dvt_status new_stream(dvv_frame *f, dvv_device *d, const dvt_stream_desc *desc,
                             dvt_stream **out, make_stream make) {
    dvt_stream *below = NULL;
    dvv_check_desc(f, "dvt_stream_desc", desc->struct_size, sizeof *desc, desc->ext);
    if (desc->reserved != 0)
        dvv_blame_host(f, "dvt_stream_desc.reserved is %u, not zero", desc->reserved);
    if (atomic_load(&f->found) != 0) return DVT_INTERNAL;
    dvv_calling(f);
    dvt_status status = make(d->handle.below, desc, &below, &f->error);
    if (status != DVT_OK) return status;
    if (below == NULL) {
        dvv_blame_plugin(f, "it said OK and gave no stream");
        return DVT_INTERNAL;
    }
    dvv_stream *s = dvv_handle_new(sizeof *s, DVV_STREAM, f->layer, below, &d->handle);
    if (s == NULL) {
        const dvt_device_api *api = &f->layer->below.device;
        if (api->stream_destroy != NULL) api->stream_destroy(below);
        return dvt_set_error(&f->error, DVT_OUT_OF_MEMORY, "validation: no memory for a stream");
    }
    s->handle.forget = forget_stream;
    s->number = atomic_fetch_add(&f->layer->n_streams, 1) + 1;
    *out = (dvt_stream *)(void *)s;
    return DVT_OK;
}

static dvt_status stream_create(dvt_device *handle, const dvt_stream_desc *desc,
                                dvt_stream **stream, dvt_error *error) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "stream_create", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    dvt_status status = new_stream(&f, d, desc, stream, f.layer->below.device.stream_create);
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAKES);
}

static dvt_status stream_wrap(dvt_device *handle, const dvt_stream_desc *desc, dvt_stream **stream,
                              dvt_error *error) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "stream_wrap", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    dvt_status status = new_stream(&f, d, desc, stream, f.layer->below.device.stream_wrap);
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAKES);
}

static dvt_status stream_native(dvt_stream *handle, uint64_t *native, dvt_error *error) {
    dvv_frame f;
    dvv_stream *s = dvv_open_by(&f, "stream_native", handle, DVV_STREAM, DVV_SHARED, error);
    if (s == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.stream_native(s->handle.below, native, &f.error);
    return dvv_close(&f, status, DVV_MAY_REFUSE);
}

static void stream_destroy(dvt_stream *handle) {
    dvv_frame f;
    dvv_stream *s = dvv_open_by(&f, "stream_destroy", handle, DVV_STREAM, DVV_LAST, NULL);
    if (s != NULL) {
        dvv_calling(&f);
        f.layer->below.device.stream_destroy(s->handle.below);
        dvv_order_synced(f.layer, s); /* destroyed after its work ends */
    }
    dvv_close_void(&f);
}

/* An error that was delivered is gone: the next sync with nothing between must not repeat it. */
static void check_sticky(dvv_frame *f, dvv_stream *s, dvt_status status) {
    dvv_count(f->layer, DVV_ERRORS);
    pthread_mutex_lock(&f->layer->lock);
    bool again = s->failed && status < 0;
    s->failed = status < 0 && status != DVT_TIMEOUT;
    pthread_mutex_unlock(&f->layer->lock);
    if (again && status != DVT_DEVICE_LOST)
        dvv_blame_plugin(
            f, "it delivered an error a second time, with nothing enqueued since the first; "
               "a sync delivers a sticky error once and clears it");
}

static dvt_status stream_sync(dvt_stream *handle, dvt_error *error) {
    dvv_frame f;
    dvv_stream *s = dvv_open_by(&f, "stream_sync", handle, DVV_STREAM, DVV_SHARED, error);
    if (s == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.stream_sync(s->handle.below, &f.error);
    check_sticky(&f, s, status);
    dvv_order_synced(f.layer, s);
    return dvv_close(&f, status, 0);
}

/* ---- events ---------------------------------------------------------------------------------------- */

static dvt_status stream_wait(dvt_stream *handle, dvt_event *event, dvt_error *error) {
    dvv_frame f;
    dvv_stream *s = dvv_open_by(&f, "stream_wait", handle, DVV_STREAM, DVV_SHARED, error);
    dvv_event *e = s != NULL ? dvv_use(&f, event, DVV_EVENT, DVV_SHARED) : NULL;
    if (e == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    if (!e->recorded) {
        dvv_blame_host(&f, "the stream is to wait for an event that was never recorded");
        return dvv_close(&f, DVT_INTERNAL, 0);
    }
    dvv_calling(&f);
    dvt_status status =
        f.layer->below.device.stream_wait(s->handle.below, e->handle.below, &f.error);
    if (status == DVT_OK) dvv_order_wait(s, e);
    return dvv_close(&f, status, 0);
}

static dvt_status event_create(dvt_device *handle, dvt_event **event, dvt_error *error) {
    dvv_frame f;
    dvt_event *below = NULL;
    dvv_device *d = dvv_open_by(&f, "event_create", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    const dvt_device_api *api = &f.layer->below.device;
    dvv_calling(&f);
    dvt_status status = api->event_create(d->handle.below, &below, &f.error);
    if (status == DVT_OK && below == NULL) dvv_blame_plugin(&f, "it said OK and gave no event");
    if (status == DVT_OK && below != NULL) {
        dvv_event *e = dvv_handle_new(sizeof *e, DVV_EVENT, f.layer, below, &d->handle);
        if (e != NULL) {
            e->handle.forget = forget_event;
            *event = (dvt_event *)(void *)e;
        } else {
            if (api->event_destroy != NULL) api->event_destroy(below);
            status =
                dvt_set_error(&f.error, DVT_OUT_OF_MEMORY, "validation: no memory for an event");
        }
    }
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAKES);
}

static dvt_status event_record(dvt_event *handle, dvt_stream *stream, dvt_error *error) {
    dvv_frame f;
    dvv_event *e = dvv_open_by(&f, "event_record", handle, DVV_EVENT, DVV_SINGLE, error);
    dvv_stream *s = e != NULL ? dvv_use(&f, stream, DVV_STREAM, DVV_SHARED) : NULL;
    if (s == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    if (e->handle.device != s->handle.device) {
        dvv_blame_host(&f, "event and stream belong to different devices");
        return dvv_close(&f, DVT_INTERNAL, 0);
    }
    dvv_calling(&f);
    dvt_status status =
        f.layer->below.device.event_record(e->handle.below, s->handle.below, &f.error);
    if (status == DVT_OK) dvv_order_record(e, s);
    return dvv_close(&f, status, 0);
}

static bool was_recorded(dvv_frame *f, const dvv_event *e) {
    if (e->recorded) return true;
    dvv_blame_host(f, "the event was never recorded");
    return false;
}

static dvt_status event_query(dvt_event *handle, dvt_error *error) {
    dvv_frame f;
    dvv_event *e = dvv_open_by(&f, "event_query", handle, DVV_EVENT, DVV_SHARED, error);
    if (e == NULL || !was_recorded(&f, e)) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.event_query(e->handle.below, &f.error);
    if (status == DVT_OK) dvv_order_passed(f.layer, e);
    return dvv_close(&f, status, DVV_MAY_PEND);
}

static dvt_status event_sync(dvt_event *handle, uint64_t timeout_ns, dvt_error *error) {
    dvv_frame f;
    dvv_event *e = dvv_open_by(&f, "event_sync", handle, DVV_EVENT, DVV_SHARED, error);
    if (e == NULL || !was_recorded(&f, e)) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.event_sync(e->handle.below, timeout_ns, &f.error);
    if (status == DVT_TIMEOUT && timeout_ns == UINT64_MAX)
        dvv_blame_plugin(&f, "it gave up with TIMEOUT although it was to wait for ever");
    if (status == DVT_OK) dvv_order_passed(f.layer, e);
    return dvv_close(&f, status, 0);
}

static dvt_status event_elapsed(dvt_event *start, dvt_event *end, double *ns, dvt_error *error) {
    dvv_frame f;
    dvv_event *a = dvv_open_by(&f, "event_elapsed", start, DVV_EVENT, DVV_SHARED, error);
    dvv_event *b = a != NULL ? dvv_use(&f, end, DVV_EVENT, DVV_SHARED) : NULL;
    if (b == NULL || !was_recorded(&f, a) || !was_recorded(&f, b))
        return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status =
        f.layer->below.device.event_elapsed(a->handle.below, b->handle.below, ns, &f.error);
    if (status == DVT_OK && !isfinite(*ns))
        dvv_blame_plugin(&f, "it says that %g ns passed between the events", *ns);
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAY_PEND);
}

static void event_destroy(dvt_event *handle) {
    dvv_frame f;
    dvv_event *e = dvv_open_by(&f, "event_destroy", handle, DVV_EVENT, DVV_LAST, NULL);
    if (e != NULL) {
        dvv_calling(&f);
        f.layer->below.device.event_destroy(e->handle.below);
    }
    dvv_close_void(&f);
}

void dvv_wrap_streams(dvv_layer *layer, dvt_device_api *api) {
    (void)layer;
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
