/* Has room for two streams: threads that would have one each do not get one. */
#include "graph.h"

static dvt_status stream_create_few(dvt_device *device, const dvt_stream_desc *desc,
                                    dvt_stream **stream, dvt_error *error) {
    int used = 0;
    pthread_mutex_lock(&lock);
    for (const dvt_stream *s = streams; s != NULL; s = s->next) used++;
    pthread_mutex_unlock(&lock);
    if (used >= 2)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "there are two streams; destroy one");
    return stream_create(device, desc, stream, error);
}

PLUGIN_WITH(GRAPH device_api.stream_create = stream_create_few;)
