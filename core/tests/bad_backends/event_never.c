/* An event says PENDING for ever to those who only ask. */
#include "device.h"

static dvt_status query_never(dvt_event *event, dvt_error *error) {
    (void)event;
    (void)error;
    return DVT_PENDING;
}

PLUGIN_WITH(DEVICE device_api.event_query = query_never;)
