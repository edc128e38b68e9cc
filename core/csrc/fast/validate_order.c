/* Happens-before by vector clocks: every use of a block by a stream is remembered until the host knows
 * that it is done, and a new use must come after those it conflicts with. */
#include "validate_order.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MOST_ACCESSES 256u

struct dvv_access {
    uint64_t low, high; /* bytes of the block */
    uint64_t at;        /* by the stream's own count */
    uint32_t stream;
    bool written;
};

/* ---- clocks, with the layer's lock held ------------------------------------------------------------ */

static bool grow(uint64_t **done, uint32_t *size, uint32_t want) {
    if (*size > want) return true;
    uint32_t more = want + 8;
    uint64_t *grown = realloc(*done, more * sizeof *grown);
    if (grown == NULL) return false;
    memset(grown + *size, 0, (more - *size) * sizeof *grown);
    *done = grown;
    *size = more;
    return true;
}

static void merge(uint64_t **to, uint32_t *to_size, const uint64_t *from, uint32_t from_size) {
    if (from_size == 0 || !grow(to, to_size, from_size - 1)) return;
    for (uint32_t i = 0; i < from_size; i++)
        if (from[i] > (*to)[i]) (*to)[i] = from[i];
}

static void merge_clock(dvv_clock *to, const dvv_clock *from) {
    merge(&to->done, &to->size, from->done, from->size);
}

void dvv_clock_clear(dvv_clock *clock) {
    free(clock->done);
    *clock = (dvv_clock){0};
}

static bool is_done(const uint64_t *done, uint32_t size, const dvv_access *a) {
    return a->stream < size && done[a->stream] >= a->at;
}

/* The next count of a stream: the host enqueues after all that it knows to be done. */
static uint64_t tick(dvv_layer *v, dvv_stream *s) {
    merge(&s->clock.done, &s->clock.size, v->host_clock, v->host_clock_size);
    if (!grow(&s->clock.done, &s->clock.size, s->number)) return 0;
    s->failed = false;
    return ++s->clock.done[s->number];
}

/* ---- uses of memory -------------------------------------------------------------------------------- */

static void prune(dvv_layer *v, dvv_block *b) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < b->n_accesses; i++)
        if (!is_done(v->host_clock, v->host_clock_size, &b->accesses[i]))
            b->accesses[kept++] = b->accesses[i];
    b->n_accesses = kept;
}

static void remember(dvv_layer *v, dvv_block *b, dvv_access use) {
    for (uint32_t i = 0; i < b->n_accesses; i++) {
        dvv_access *a = &b->accesses[i];
        if (a->stream != use.stream || a->low != use.low || a->high != use.high ||
            a->written != use.written)
            continue;
        a->at = use.at;
        return;
    }
    prune(v, b);
    if (b->n_accesses == b->room_accesses) {
        uint32_t more = b->room_accesses * 2 + 8;
        dvv_access *grown =
            more <= MOST_ACCESSES ? realloc(b->accesses, more * sizeof *grown) : NULL;
        if (grown == NULL) { /* the oldest is forgotten */
            if (b->n_accesses == 0) return;
            memmove(b->accesses, b->accesses + 1, --b->n_accesses * sizeof *b->accesses);
        } else {
            b->accesses = grown;
            b->room_accesses = more;
        }
    }
    b->accesses[b->n_accesses++] = use;
}

static const dvv_access *conflict(const dvv_block *b, const dvv_access *use, const uint64_t *done,
                                  uint32_t size) {
    for (uint32_t i = 0; i < b->n_accesses; i++) {
        const dvv_access *a = &b->accesses[i];
        bool meet = a->low < use->high && use->low < a->high && (a->written || use->written);
        if (meet && a->stream != use->stream && !is_done(done, size, a)) return a;
    }
    return NULL;
}

static void blame(dvv_frame *f, const char *role, uint32_t index, bool written, uint32_t stream,
                  const dvv_access *other) {
    char mine[48];
    if (stream == 0)
        snprintf(mine, sizeof mine, "without a stream");
    else
        snprintf(mine, sizeof mine, "on stream %u", stream);
    dvv_blame_host(f,
                   "%s %u is %s %s, while work of stream %u that %s it may not be done; let an "
                   "event or a sync come between",
                   role, index, written ? "written" : "read", mine, other->stream,
                   other->written ? "writes" : "reads");
}

static bool use_view(dvv_frame *f, const char *role, uint32_t index, const dvt_tensor *t,
                     bool written, const dvv_device *device, dvv_stream *stream, uint64_t now) {
    dvv_layer *v = f->layer;
    dvv_span span;
    if (!dvv_measure(t, &span) || span.elements == 0) return true;
    bool opaque = dvv_opaque(device, 0);
    uintptr_t first = (uintptr_t)t->data + t->byte_offset;
    dvv_block *b = dvv_block_at(v, opaque ? (uintptr_t)t->data : first, opaque);
    if (b == NULL || b->device != device) return true;
    int64_t at = (int64_t)(first - b->data);
    dvv_access use = {.low = (uint64_t)(at + span.low),
                      .high = (uint64_t)(at + span.high),
                      .at = now,
                      .stream = stream != NULL ? stream->number : 0,
                      .written = written};
    dvv_count(v, DVV_ORDER);
    const dvv_access *other = stream != NULL
                                  ? conflict(b, &use, stream->clock.done, stream->clock.size)
                                  : conflict(b, &use, v->host_clock, v->host_clock_size);
    if (other != NULL) blame(f, role, index, written, use.stream, other);
    if (stream != NULL) remember(v, b, use); /* what the host does is done when it returns */
    return other == NULL;
}

bool dvv_order_views(dvv_frame *f, const dvt_tensor *const *read, uint32_t n_read,
                     const dvt_tensor *const *written, uint32_t n_written, const dvv_device *device,
                     dvv_stream *stream) {
    if (f->layer->n_streams == 0) return true; /* nothing runs beside the host */
    bool good = true;
    pthread_mutex_lock(&f->layer->lock);
    uint64_t now = stream != NULL ? tick(f->layer, stream) : 0;
    for (uint32_t i = 0; i < n_read; i++)
        if (read[i] != NULL)
            good = use_view(f, "input", i, read[i], false, device, stream, now) && good;
    for (uint32_t i = 0; i < n_written; i++)
        if (written[i] != NULL)
            good = use_view(f, "output", i, written[i], true, device, stream, now) && good;
    pthread_mutex_unlock(&f->layer->lock);
    return good;
}

bool dvv_order_call(dvv_frame *f, const dvt_call *call, const dvv_device *device,
                    dvv_stream *stream) {
    if (f->layer->n_streams == 0) return true;
    if (!dvv_order_views(f, call->inputs, call->n_inputs, call->outputs, call->n_outputs, device,
                         stream))
        return false;
    if (call->workspace_size == 0 || call->workspace == NULL) return true;
    int64_t shape[1] = {(int64_t)call->workspace_size}, strides[1] = {1};
    dvt_tensor workspace = {.data = call->workspace,
                            .ndim = 1,
                            .dtype = {DVT_UINT, 8, 1},
                            .shape = shape,
                            .strides = strides};
    pthread_mutex_lock(&f->layer->lock);
    bool counted = stream != NULL && stream->number < stream->clock.size; /* else without memory */
    uint64_t now = counted ? stream->clock.done[stream->number] : 0;
    bool good = use_view(f, "workspace", 0, &workspace, true, device, stream, now);
    pthread_mutex_unlock(&f->layer->lock);
    return good;
}

void dvv_order_alloc(dvv_layer *v, uintptr_t data, uint64_t size, dvv_stream *stream) {
    if (stream == NULL) return;
    pthread_mutex_lock(&v->lock);
    dvv_block *b = dvv_block_at(v, data, true);
    uint64_t now = tick(v, stream);
    if (b != NULL)
        remember(v, b,
                 (dvv_access){.high = size, .at = now, .stream = stream->number, .written = true});
    pthread_mutex_unlock(&v->lock);
}

void dvv_order_release(dvv_frame *f, uintptr_t data, dvv_stream *stream) {
    dvv_layer *v = f->layer;
    pthread_mutex_lock(&v->lock);
    dvv_block *b = dvv_block_at(v, data, true);
    if (stream != NULL) tick(v, stream);
    const uint64_t *done = stream != NULL ? stream->clock.done : v->host_clock;
    uint32_t size = stream != NULL ? stream->clock.size : v->host_clock_size;
    for (uint32_t i = 0; b != NULL && i < b->n_accesses; i++) {
        const dvv_access *a = &b->accesses[i];
        if (is_done(done, size, a)) continue;
        dvv_count(v, DVV_ORDER);
        dvv_blame_host(f,
                       "memory is given back %s while work of stream %u that uses it may not be "
                       "done",
                       stream != NULL ? "on another stream" : "without a stream", a->stream);
        break;
    }
    pthread_mutex_unlock(&v->lock);
}

/* ---- what makes order ------------------------------------------------------------------------------ */

void dvv_order_record(dvv_event *event, dvv_stream *stream) {
    dvv_layer *v = stream->handle.layer;
    pthread_mutex_lock(&v->lock);
    dvv_clock_clear(&event->clock);
    merge_clock(&event->clock, &stream->clock);
    event->recorded = true;
    pthread_mutex_unlock(&v->lock);
}

void dvv_order_wait(dvv_stream *stream, dvv_event *event) {
    dvv_layer *v = stream->handle.layer;
    pthread_mutex_lock(&v->lock);
    merge_clock(&stream->clock, &event->clock);
    pthread_mutex_unlock(&v->lock);
}

static void host_knows(dvv_layer *v, const dvv_clock *clock) {
    merge(&v->host_clock, &v->host_clock_size, clock->done, clock->size);
}

void dvv_order_passed(dvv_layer *v, const dvv_event *event) {
    pthread_mutex_lock(&v->lock);
    host_knows(v, &event->clock);
    pthread_mutex_unlock(&v->lock);
}

void dvv_order_synced(dvv_layer *v, const dvv_stream *stream) {
    pthread_mutex_lock(&v->lock);
    host_knows(v, &stream->clock);
    pthread_mutex_unlock(&v->lock);
}

void dvv_order_all_done(dvv_layer *v, const dvv_device *device) {
    pthread_mutex_lock(&v->lock);
    for (size_t i = 0; i < v->n_blocks; i++) {
        dvv_block *b = &v->blocks[i];
        if (b->device != device) continue;
        for (uint32_t k = 0; k < b->n_accesses; k++) {
            const dvv_access *a = &b->accesses[k];
            if (!grow(&v->host_clock, &v->host_clock_size, a->stream)) continue;
            if (v->host_clock[a->stream] < a->at) v->host_clock[a->stream] = a->at;
        }
        b->n_accesses = 0;
    }
    pthread_mutex_unlock(&v->lock);
}
