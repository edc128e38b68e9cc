/* A late failure has a status and no text. */
#include "device.h"

static dvt_status sync_mute(dvt_stream *stream, dvt_error *error) {
    dvt_status status = stream_sync(stream, error);
    error->message[0] = '\0';
    return status;
}

PLUGIN_WITH(DEVICE device_api.stream_sync = sync_mute;)
