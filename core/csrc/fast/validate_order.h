/* Order between streams: what may run at the same time must not touch the same memory.
 *
 * Each stream counts its work, and keeps for every other stream how much of that one's work is done
 * before its own next work begins: a vector clock. Number 0 is the host. */
#ifndef DVF_VALIDATE_ORDER_H
#define DVF_VALIDATE_ORDER_H

#include "validate.h"

typedef struct dvv_clock {
    uint64_t *done; /* by number of stream */
    uint32_t size;
} dvv_clock;

typedef struct dvv_stream {
    dvv_handle handle;
    uint32_t number; /* from 1 */
    dvv_clock clock;
    bool failed; /* the last sync delivered an error, and nothing was enqueued since */
} dvv_stream;

typedef struct dvv_event {
    dvv_handle handle;
    dvv_clock clock;
    _Atomic bool recorded;
} dvv_event;

/* The stream of a call: true with *stream null when it is null, false after a finding. */
bool dvv_use_stream(dvv_frame *frame, const dvt_stream *handle, const dvv_device *device,
                    dvv_stream **stream);

/* Work of one call on a stream (null: on the host, done on return) reads and writes these views. False
 * after a finding: it would run beside work that uses the same memory. */
bool dvv_order_call(dvv_frame *frame, const dvt_call *call, const dvv_device *device,
                    dvv_stream *stream);
bool dvv_order_views(dvv_frame *frame, const dvt_tensor *const *read, uint32_t n_read,
                     const dvt_tensor *const *written, uint32_t n_written, const dvv_device *device,
                     dvv_stream *stream);
/* Memory that a stream got: others need an event first. */
void dvv_order_alloc(dvv_layer *layer, uintptr_t data, uint64_t size, dvv_stream *stream);
/* Memory that goes back on a stream: work of others must be done. */
void dvv_order_release(dvv_frame *frame, uintptr_t data, dvv_stream *stream);

void dvv_order_record(dvv_event *event, dvv_stream *stream);
void dvv_order_wait(dvv_stream *stream, dvv_event *event);
/* The host knows that the work before an event, of a stream, or of a device is done. */
void dvv_order_passed(dvv_layer *layer, const dvv_event *event);
void dvv_order_synced(dvv_layer *layer, const dvv_stream *stream);
void dvv_order_all_done(dvv_layer *layer, const dvv_device *device);
void dvv_clock_clear(dvv_clock *clock);

#endif
