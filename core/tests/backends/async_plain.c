/* Memory behind handles, no events: order between devices takes stream_sync. */
#define EVENTS 0
#include "async_device.h"
