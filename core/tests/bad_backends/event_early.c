/* An event has passed as soon as it is recorded. */
#include "device.h"

static dvt_status record_passed(dvt_event *event, dvt_stream *stream, dvt_error *error) {
    (void)stream;
    (void)error;
    pthread_mutex_lock(&lock);
    event->passed = ++event->recorded;
    pthread_mutex_unlock(&lock);
    return DVT_OK;
}

PLUGIN_WITH(DEVICE device_api.event_record = record_passed;)
