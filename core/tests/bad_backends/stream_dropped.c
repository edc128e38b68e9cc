/* Throws away what a stream has still to do when it is destroyed. */
#include "device.h"

static void destroy_now(dvt_stream *stream) {
    pthread_mutex_lock(&lock);
    task *rest = stream->first != NULL ? stream->first->next : NULL;
    if (rest != NULL) {
        stream->first->next = NULL; /* the first is being done; the others never are */
        stream->end = &stream->first->next;
    }
    pthread_mutex_unlock(&lock);
    while (rest != NULL) {
        task *next = rest->next;
        free_task(rest);
        rest = next;
    }
    stream_destroy(stream);
}

PLUGIN_WITH(DEVICE device_api.stream_destroy = destroy_now;)
