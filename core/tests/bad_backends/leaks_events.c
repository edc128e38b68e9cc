/* Runs out of events, since none is ever given back. */
#include "device.h"

static dvt_status create_few(dvt_device *device, dvt_event **event, dvt_error *error) {
    static unsigned made;
    pthread_mutex_lock(&lock);
    int none = ++made > 40;
    pthread_mutex_unlock(&lock);
    if (none) return dvt_set_error(error, DVT_INTERNAL, "the card has 40 events, all are in use");
    return event_create(device, event, error);
}

PLUGIN_WITH(DEVICE device_api.event_create = create_few;)
