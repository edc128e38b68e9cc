/* A late failure does not say which call it was. */
#include "device.h"

static dvt_status sync_untagged(dvt_stream *stream, dvt_error *error) {
    dvt_status status = stream_sync(stream, error);
    error->tag = 0;
    return status;
}

PLUGIN_WITH(DEVICE device_api.stream_sync = sync_untagged;)
