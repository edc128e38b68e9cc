/* Memory behind handles, events. */
#include "async_device.h"
