/* stream.h: a device's one stream, what was enqueued on it, and failures that come late.
 *
 * A device whose plugin offers stream_create and stream_sync gets one stream when it is opened, and
 * every call that enqueues carries it. Work of one device is therefore in one order, which is what lets
 * the allocator hand a buffer out again as soon as the last array over it is gone: the next user's work
 * comes after the last one's. What the stream does not order is told apart and waits:
 *
 *   host memory            may be read, changed or freed when a copy returns: copies that touch it are
 *                          followed by dvf_wait
 *   another device         of the same plugin by events, there and back; of another plugin by dvf_wait
 *   memory of other owners is given back to them after dvf_wait
 *
 * Elsewhere (`device->queue` null) all work is synchronous and none of this costs more than a branch. */
#ifndef DVF_STREAM_H
#define DVF_STREAM_H

#include "fast.h"

/* A failure on its way to the user. */
typedef struct dvf_failure {
    dvf_device *device;
    dvt_status status;
    bool late; /* found by a sync: error.tag tells which call it was */
    /* Of a late one: the device whose work was waited for, which may have read what was not written, and
     * the first of its tags that was not known to be done. */
    dvf_device *waiting;
    uint64_t unsettled;
    dvt_error error;
} dvf_failure;

int dvf_stream_init(void);
/* Give an opened device its stream; 0 or -1. */
int dvf_stream_open(dvf_device *device);
/* Destroy the stream, after a last wait. */
void dvf_stream_close(dvf_device *device);
/* In the child after fork: a new stream, since the parent's threads are not here. 0 or -1, no exception. */
int dvf_stream_after_fork(dvf_device *device);

/* device.c: 0 when the device can be used; else -1 and a DeviceError that says what became of it. */
int dvf_usable(dvf_device *device);
/* device.c: what became of a device that cannot be used. */
const char *dvf_state_text(const dvf_device *device);

/* A tag for a call that is about to be enqueued; `what` comes back should it fail late. 0 where nothing
 * fails late. Thread: any. */
uint64_t dvf_remember(dvf_device *device, const char *what);
/* The same for an op called eagerly, with the user's line. */
uint64_t dvf_remember_op(dvf_device *device, PyObject *name);

/* The tag of what was enqueued last. Thread: any. */
uint64_t dvf_newest_tag(dvf_device *device);

/* An array's values are what was enqueued just now: the newest tag is its call's, or a later one of
 * another thread's. */
static inline void dvf_wrote(dvf_array *a) {
    if (a->device->queue != NULL) a->buffer->written = dvf_newest_tag(a->device);
}

/* Wait for all work enqueued so far, and for what it depends on elsewhere; false with the first failure
 * that nobody has been told. Needs no interpreter lock. */
bool dvf_wait(dvf_device *device, dvf_failure *failure);
/* dvf_wait where no error can be raised: the next dvf_wait tells. */
void dvf_wait_silently(dvf_device *device);
/* dvf_wait, with the lock; 0 or -1 with an exception. `where` says what found a late failure. */
int dvf_settle(dvf_device *device, const char *where);
/* Work of `second` enqueued from here on comes after what `first` has now. Needs no lock. */
bool dvf_order(dvf_device *first, dvf_device *second, dvf_failure *failure);
/* Host memory that enqueued work reads: freed after the next wait. Needs no lock. */
void dvf_keep_host_memory(dvf_device *device, void *data, uint64_t size);

/* Record that a call on this device failed; always false. */
bool dvf_failed(dvf_failure *failure, dvf_device *device, dvt_status status);
/* Raise it. `what` names the call that failed or, of a late failure, the one that found it. Returns -1. */
int dvf_raise_failure(dvf_failure *failure, const char *what, const char *slot);

/* Around calls into a plugin without the interpreter lock: a device is not closed meanwhile. */
#define DVF_BEGIN_CALL(device)                                                                     \
    {                                                                                              \
        dvf_device *const called_ = (device);                                                      \
        called_->in_flight++;                                                                      \
        Py_BEGIN_ALLOW_THREADS
#define DVF_END_CALL                                                                               \
    Py_END_ALLOW_THREADS;                                                                          \
    called_->in_flight--;                                                                          \
    }

#endif
