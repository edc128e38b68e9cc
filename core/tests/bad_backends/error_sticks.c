/* Tells of a failure at every sync, for ever. */
#include "device.h"

static dvt_status sync_forever(dvt_stream *stream, dvt_error *error) {
    static dvt_error kept;
    dvt_status status = stream_sync(stream, error);
    if (status != DVT_OK) kept = *error;
    return kept.code == 0 ? DVT_OK : dvt_set_error(error, kept.code, kept.message);
}

PLUGIN_WITH(DEVICE device_api.stream_sync = sync_forever;)
