/* Measures from the second event to the first. */
#include "device.h"

static dvt_status elapsed_backwards(dvt_event *start, dvt_event *end, double *ns,
                                    dvt_error *error) {
    (void)start;
    (void)end;
    (void)error;
    *ns = -6.0 * TASK_NS;
    return DVT_OK;
}

PLUGIN_WITH(DEVICE device_api.event_elapsed = elapsed_backwards;)
