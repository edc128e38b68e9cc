/* The worker of async_device.h: blocks of memory, tasks, and the thread that does them in order. */
#ifndef ASYNC_WORK_H
#define ASYNC_WORK_H

#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "dovetail.h"

#define DELAY_NS 300000
#define MOST_BLOCKS 4096
#define MOST_AXES 64

typedef enum { RUN_KERNEL, RUN_COPY, RUN_RELEASE, RUN_RECORD, RUN_WAIT } work;

typedef struct view {
    void *data; /* address, or handle */
    int own;
    uint64_t byte_offset;
    int32_t ndim;
    size_t item;
    int64_t extents[2 * MOST_AXES]; /* shape, then strides */
} view;

/* One recording of an event. Whoever may still look at it is counted: the event, until it is recorded again
 * or destroyed, and each queued task. */
typedef struct mark {
    int passed, holders;
} mark;

typedef struct task {
    struct task *next;
    work kind;
    char op;
    uint64_t tag;
    view views[3]; /* operands, then the result; source and destination */
    int n_views;
    void *data;
    mark *mark;
} task;

struct dvt_event {
    mark *last; /* null: never recorded */
};
static pthread_mutex_t marks_lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t mark_passed = PTHREAD_COND_INITIALIZER;

struct dvt_stream {
    dvt_device *device;
    pthread_t worker;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    task *first, **end;
    int busy, stop;
    dvt_status status; /* sticky */
    uint64_t tag;
    char text[160];
};

struct dvt_device {
    uint32_t ordinal;
    atomic_int lost;
};

static struct dvt_device devices[8];
static struct {
    pthread_mutex_t lock;
    char *address[MOST_BLOCKS];
    uint64_t size[MOST_BLOCKS];
    uint64_t used;
} blocks = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int is_own(const dvt_device *device) {
    return device >= devices && device < devices + 8;
}

/* ---- memory -------------------------------------------------------------------------------------- */

/* Null when there is no room: what was released is back when the worker comes to it. */
static void *put_block(char *address, uint64_t size) {
    pthread_mutex_lock(&blocks.lock);
    if (blocks.used + size > LIMIT) {
        pthread_mutex_unlock(&blocks.lock);
        return NULL;
    }
    blocks.used += size;
    for (uintptr_t i = 1; i < MOST_BLOCKS; i++) {
        if (blocks.address[i] != NULL) continue;
        blocks.address[i] = address;
        blocks.size[i] = size;
        pthread_mutex_unlock(&blocks.lock);
        return OPAQUE ? (void *)(i * 16) : (void *)address;
    }
    blocks.used -= size;
    pthread_mutex_unlock(&blocks.lock);
    return NULL;
}

/* The block of a handle; 0 when there is none. */
static uintptr_t find_block(const void *handle) {
    uintptr_t found = 0;
    pthread_mutex_lock(&blocks.lock);
    if (OPAQUE) {
        uintptr_t i = (uintptr_t)handle / 16;
        if ((uintptr_t)handle % 16 == 0 && i < MOST_BLOCKS && blocks.address[i] != NULL) found = i;
    } else {
        for (uintptr_t i = 1; i < MOST_BLOCKS && found == 0; i++)
            if (blocks.address[i] != NULL && (const char *)handle >= blocks.address[i] &&
                (const char *)handle < blocks.address[i] + blocks.size[i])
                found = i;
    }
    pthread_mutex_unlock(&blocks.lock);
    return found;
}

static char *start_of(const view *v, uint64_t bytes) {
    if (!v->own || VISIBLE) return (char *)v->data + v->byte_offset;
    uintptr_t i = find_block(v->data);
    if (i == 0) return NULL;
    char *base = OPAQUE ? blocks.address[i] : (char *)v->data;
    if (base + v->byte_offset + bytes > blocks.address[i] + blocks.size[i]) return NULL;
    return base + v->byte_offset;
}

static void forget_block(uintptr_t i) {
    pthread_mutex_lock(&blocks.lock);
    blocks.address[i] = NULL;
    blocks.used -= blocks.size[i];
    pthread_mutex_unlock(&blocks.lock);
}

static void drop_block(void *handle) {
    uintptr_t i = find_block(handle);
    if (i == 0) return;
    char *address = blocks.address[i];
    memset(address, 0xFF, blocks.size[i]); /* who still reads it is found out */
    forget_block(i);                       /* first: who gets the address next has a row, too */
    free(address);
}

/* ---- what the worker does ------------------------------------------------------------------------ */

static int64_t count(const view *v) {
    int64_t n = 1;
    for (int32_t d = 0; d < v->ndim; d++) n *= v->extents[d];
    return n;
}

static int64_t offset_of(const view *v, int64_t k) {
    int64_t at = 0;
    for (int32_t d = v->ndim - 1; d >= 0; d--) {
        at += k % v->extents[d] * v->extents[v->ndim + d];
        k /= v->extents[d];
    }
    return at * (int64_t)v->item;
}

static dvt_status failed(dvt_stream *s, dvt_status status, uint64_t tag, const char *text) {
    s->status = status;
    s->tag = tag;
    snprintf(s->text, sizeof s->text, "%s", text);
    return status;
}

static void run_kernel(dvt_stream *s, const task *t) {
    int64_t n = count(&t->views[0]);
    float *data[3] = {NULL, NULL, NULL};
    for (int i = 0; i < t->n_views; i++) {
        data[i] = (float *)(void *)start_of(&t->views[i], (uint64_t)n * 4);
        if (data[i] == NULL) {
            failed(s, DVT_INTERNAL, t->tag, "an operand is no memory of this device");
            return;
        }
    }
    const float *x = data[0], *y = data[1];
    float *z = data[t->n_views - 1];
    for (int64_t i = 0; i < n; i++) {
        if (t->op == '/' && y[i] == 0.0f) {
            failed(s, DVT_INTERNAL, t->tag, "the divider trapped on a zero");
            return;
        }
        if (t->op == 'l' && x[i] < 0.0f) {
            s->device->lost = 1;
            failed(s, DVT_DEVICE_LOST, t->tag, "the chip fell off its bus");
            return;
        }
        z[i] = t->op == '+'   ? x[i] + y[i]
               : t->op == '/' ? x[i] / y[i]
               : t->op == '^' ? powf(x[i], y[i])
                              : logf(x[i]);
    }
}

static void run_copy(dvt_stream *s, const task *t) {
    const view *from = &t->views[0], *to = &t->views[1];
    char *read = start_of(from, 0), *write = start_of(to, 0);
    if (read == NULL || write == NULL) {
        failed(s, DVT_INTERNAL, t->tag, "one end of a copy is no memory of this device");
        return;
    }
    int64_t n = count(from);
    for (int64_t k = 0; k < n; k++)
        memcpy(write + offset_of(to, k), read + offset_of(from, k), from->item);
}

/* Under marks_lock. */
static void drop_mark(mark *m) {
    if (m != NULL && --m->holders == 0) free(m);
}

static void run_mark(const task *t) {
    mark *m = t->mark;
    pthread_mutex_lock(&marks_lock);
    if (t->kind == RUN_RECORD) {
        m->passed = 1;
        pthread_cond_broadcast(&mark_passed);
    }
    while (!m->passed) pthread_cond_wait(&mark_passed, &marks_lock);
    drop_mark(m);
    pthread_mutex_unlock(&marks_lock);
}

static void pause_a_little(void) {
    const struct timespec some = {.tv_nsec = DELAY_NS};
    nanosleep(&some, NULL);
}

static void hold(void) {
    const char *path = getenv("ASYNC_HOLD");
    while (path != NULL && access(path, F_OK) == 0) pause_a_little();
}

static void *work_off(void *context) {
    dvt_stream *s = context;
    pthread_mutex_lock(&s->lock);
    for (;;) {
        while (s->first == NULL && !s->stop) pthread_cond_wait(&s->changed, &s->lock);
        task *t = s->first;
        if (t == NULL) break;
        s->first = t->next;
        if (s->first == NULL) s->end = &s->first;
        s->busy = 1;
        int skip = s->status != DVT_OK;
        pthread_mutex_unlock(&s->lock);
        hold();
        pause_a_little();
        if (t->kind == RUN_RECORD || t->kind == RUN_WAIT) run_mark(t);
        if (t->kind == RUN_RELEASE) drop_block(t->data);
        pthread_mutex_lock(&s->lock);
        if (t->kind == RUN_KERNEL && !skip) run_kernel(s, t);
        if (t->kind == RUN_COPY && !skip) run_copy(s, t);
        s->busy = 0;
        pthread_cond_broadcast(&s->changed);
        free(t);
    }
    pthread_mutex_unlock(&s->lock);
    return NULL;
}

#endif /* ASYNC_WORK_H */
