/* event.h: points in the order of a stream. */
#ifndef EVENT_H
#define EVENT_H

#include "device.h"

/* One recording of an event: it passes once. An event may be recorded again while streams still wait
 * for the recording before, hence an object of its own. */
typedef struct mark {
    atomic_uint references;
    atomic_bool passed;
    uint64_t when;   /* ns, once passed */
    dvt_error error; /* once passed: what the stream had failed with, code 0 if nothing */
    pthread_mutex_t lock;
    pthread_cond_t change;
} mark;

mark *mark_new(void);
void mark_retain(mark *m);
void mark_release(mark *m);
void mark_pass(mark *m, const dvt_error *failure);
/* Wait at most timeout_ns, UINT64_MAX: for ever; whether it passed. */
bool mark_wait(mark *m, uint64_t timeout_ns);

struct dvt_event {
    dvt_device *device;
    mark *mark; /* of the last recording; null before the first */
};

dvt_status event_create(dvt_device *device, dvt_event **event, dvt_error *error);
dvt_status event_record(dvt_event *event, dvt_stream *stream, dvt_error *error);
dvt_status event_query(dvt_event *event, dvt_error *error);
dvt_status event_sync(dvt_event *event, uint64_t timeout_ns, dvt_error *error);
dvt_status event_elapsed(dvt_event *start, dvt_event *end, double *ns, dvt_error *error);
void event_destroy(dvt_event *event);

#endif
