/* A stream does not wait for the event of another. */
#include "device.h"

static dvt_status wait_not(dvt_stream *stream, dvt_event *event, dvt_error *error) {
    (void)stream;
    (void)event;
    (void)error;
    return DVT_OK;
}

PLUGIN_WITH(DEVICE device_api.stream_wait = wait_not;)
