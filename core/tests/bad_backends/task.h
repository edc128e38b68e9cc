/* Queues of the device of device.h: what a stream has still to do, and the thread that does it. */
#ifndef TASK_H
#define TASK_H

#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L /* nanosleep */
#endif

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "kernels.h"

#define TASK_NS 1000000 /* what each task takes at least: nobody is ready by luck */

typedef struct task task;
typedef dvt_status (*work_fn)(task *t, dvt_error *error);

struct task {
    task *next;
    work_fn work;
    dvt_event *event; /* record, wait */
    uint64_t number;  /* of the recording that is marked or waited for */
    void *memory;     /* free: what to give back */
    uint64_t size;
    char pattern[16]; /* fill */
    const dvt_host *host;
    dvt_executable *executable;
    void *workspace;
    uint64_t tag;
    uint32_t n_inputs, n_outputs;
    dvt_tensor *tensors; /* copies, inputs first: those of a call are gone when it returns */
    int64_t *extents;
};

struct dvt_device {
    const dvt_host *host;
    uint64_t used;
};

struct dvt_stream {
    dvt_device *device;
    pthread_t thread;
    task *first, **end;
    int ends;
    dvt_error failure; /* sticky: code 0 when there is none */
    dvt_stream *next;
};

struct dvt_event {
    uint64_t recorded, passed;
    uint32_t references; /* the owner's and those of tasks */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static dvt_stream *streams;

static inline void take_time(void) {
    struct timespec t = {.tv_nsec = TASK_NS};
    nanosleep(&t, NULL);
}

/* ---- tasks ------------------------------------------------------------------------------------ */

static inline void free_task(task *t) {
    free(t->tensors);
    free(t->extents);
    free(t);
}

/* A task with copies of some views; null with text in error when there is no memory. */
static inline task *new_task(work_fn work, const dvt_tensor *const *inputs, uint32_t n_inputs,
                             const dvt_tensor *const *outputs, uint32_t n_outputs,
                             dvt_error *error) {
    uint32_t n = n_inputs + n_outputs;
    size_t axes = 0;
    for (uint32_t i = 0; i < n; i++)
        axes += 2 * (size_t)(i < n_inputs ? inputs[i] : outputs[i - n_inputs])->ndim;
    task *t = calloc(1, sizeof *t);
    if (t != NULL) {
        t->work = work;
        t->n_inputs = n_inputs;
        t->n_outputs = n_outputs;
        t->tensors = calloc(n + 1, sizeof *t->tensors);
        t->extents = calloc(axes + 1, sizeof *t->extents);
    }
    if (t == NULL || t->tensors == NULL || t->extents == NULL) {
        if (t != NULL) free_task(t);
        dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to queue a task; free some");
        return NULL;
    }
    int64_t *next = t->extents;
    for (uint32_t i = 0; i < n; i++) {
        const dvt_tensor *from = i < n_inputs ? inputs[i] : outputs[i - n_inputs];
        dvt_tensor *to = &t->tensors[i];
        *to = *from;
        to->shape = next;
        for (int32_t d = 0; d < from->ndim; d++) *next++ = from->shape[d];
        to->strides = next;
        for (int32_t d = 0; d < from->ndim; d++) *next++ = from->strides[d];
    }
    return t;
}

static inline void *serve(void *argument) {
    dvt_stream *s = argument;
    pthread_mutex_lock(&lock);
    for (;;) {
        while (s->first == NULL && !s->ends) pthread_cond_wait(&changed, &lock);
        task *t = s->first;
        if (t == NULL) break;
        int spoiled = s->failure.code != 0 && t->event == NULL && t->memory == NULL;
        dvt_error error = {.struct_size = sizeof error};
        pthread_mutex_unlock(&lock);
        take_time();
        dvt_status status = spoiled ? DVT_OK : t->work(t, &error); /* after a failure: skipped */
        pthread_mutex_lock(&lock);
        if (status != DVT_OK && s->failure.code == 0) {
            s->failure = error;
            s->failure.tag = t->tag;
        }
        s->first = t->next;
        if (s->first == NULL) s->end = &s->first;
        free_task(t);
        pthread_cond_broadcast(&changed);
    }
    pthread_mutex_unlock(&lock);
    return NULL;
}

/* Queue a task, or do it now when there is no stream. */
static inline dvt_status submit(dvt_stream *s, task *t, dvt_error *error) {
    if (s == NULL) {
        dvt_status status = t->work(t, error);
        if (status != DVT_OK) error->tag = t->tag;
        free_task(t);
        return status;
    }
    pthread_mutex_lock(&lock);
    *s->end = t;
    s->end = &t->next;
    pthread_cond_broadcast(&changed);
    pthread_mutex_unlock(&lock);
    return DVT_OK;
}

#endif /* TASK_H */
