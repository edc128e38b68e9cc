/* stream.h: commands, and the queues that run them in order. */
#ifndef STREAM_H
#define STREAM_H

#include "device.h"
#include "event.h"
#include "task.h"

#include <semaphore.h>

#define MAX_AXES 64

typedef enum command_kind {
    COMMAND_RUN,     /* a kernel or a program */
    COMMAND_COPY,    /* also fills: a copy of one element */
    COMMAND_RELEASE, /* memory that was given back */
    COMMAND_RECORD,  /* an event */
    COMMAND_WAIT,    /* for an event of any stream */
    COMMAND_SYNC,    /* report to a thread that waits */
    COMMAND_STOP
} command_kind;

/* A copy with strides in bytes. */
typedef struct copy_plan {
    location source, destination;
    uint64_t item; /* bytes of an element */
    int32_t ndim;
    bool is_fill; /* the source is `pattern` */
    unsigned char pattern[16];
    int64_t shape[MAX_AXES], from[MAX_AXES], to[MAX_AXES];
} copy_plan;

/* Filled by the worker, on the stack of the thread that waits for it. */
typedef struct report {
    sem_t done;
    atomic_bool *taken; /* set by the first worker with an error: it delivers it, and clears it */
    dvt_error error;
} report;

/* Everything a command needs, by value: what the caller passed in is valid for the call only. What it
 * points to (task, mark) it holds a reference of. */
typedef struct command {
    command_kind kind;
    uint64_t number; /* for faults.c */
    uint64_t tag;    /* dvt_call.tag: comes back with a late failure */
    union {
        struct {
            task *task;
            location operands[MAX_OPERANDS], workspace;
        } run;
        copy_plan copy;
        struct {
            dvt_device *device;
            uint32_t space;
            uintptr_t data;
        } release;
        mark *mark;
        report *report;
    };
} command;

typedef struct slot {
    atomic_bool ready;
    command command;
} slot;

/* A ring between any number of threads that enqueue and one worker. Enqueueing takes no lock and
 * allocates nothing; it waits only when the ring is full. */
struct dvt_stream {
    dvt_device *device;
    dvt_stream *next; /* in the device's list */
    pthread_t worker;
    sem_t room, filled; /* free slots, and commands to run */
    slot *slots;
    uint64_t n_slots;
    atomic_uint_fast64_t tail; /* next ticket */
    uint64_t head;             /* the worker's alone, as all below */
    dvt_error error;           /* sticky: the first failure since the last sync */
    uint64_t skipped;          /* commands after it */
};

/* Run a command: on the stream, or at once where it is null. */
dvt_status command_submit(dvt_device *device, dvt_stream *stream, command *c, dvt_error *error);
/* Do what a command of kind RUN or COPY says, on this thread. */
dvt_status command_execute(dvt_device *device, const command *c, dvt_error *error);
dvt_status copy_execute(const copy_plan *plan, dvt_error *error);

void stream_push(dvt_stream *stream, const command *c);
dvt_status stream_create(dvt_device *device, const dvt_stream_desc *desc, dvt_stream **stream,
                         dvt_error *error);
void stream_destroy(dvt_stream *stream);
dvt_status stream_sync(dvt_stream *stream, dvt_error *error);
/* Wait for every stream of a device; the first sticky error is delivered, others stay. */
dvt_status stream_sync_all(dvt_device *device, dvt_error *error);
dvt_status stream_wait(dvt_stream *stream, dvt_event *event, dvt_error *error);

dvt_status copy_enqueue(dvt_device *device, const dvt_copy *copy, dvt_error *error);
dvt_status fill_enqueue(dvt_device *device, const dvt_fill *fill, dvt_error *error);

#endif
