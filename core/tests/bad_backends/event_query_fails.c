/* Calls it a failure when an event has not passed yet. */
#include "device.h"

static dvt_status query_strictly(dvt_event *event, dvt_error *error) {
    if (event_query(event, error) == DVT_OK) return DVT_OK;
    return dvt_set_error(error, DVT_INTERNAL, "event_query: the event has not passed");
}

PLUGIN_WITH(DEVICE device_api.event_query = query_strictly;)
