/* Never ends a stream. */
#include "device.h"

static void destroy_never(dvt_stream *stream) {
    (void)stream;
}

PLUGIN_WITH(DEVICE device_api.stream_destroy = destroy_never;)
