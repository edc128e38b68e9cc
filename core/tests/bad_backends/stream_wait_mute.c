/* Has a stream_wait that refuses and does not say why. */
#include "device.h"

static dvt_status wait_never(dvt_stream *stream, dvt_event *event, dvt_error *error) {
    (void)stream;
    (void)event;
    (void)error;
    return DVT_UNSUPPORTED;
}

PLUGIN_WITH(DEVICE device_api.stream_wait = wait_never;)
