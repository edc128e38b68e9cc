/* Waits until the event has passed, however short the time given. */
#include "device.h"

static dvt_status sync_patiently(dvt_event *event, uint64_t timeout_ns, dvt_error *error) {
    (void)timeout_ns;
    return event_sync(event, UINT64_MAX, error);
}

PLUGIN_WITH(DEVICE device_api.event_sync = sync_patiently;)
