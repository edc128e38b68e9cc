/* Memory that the host sees, written by workers; neither alloc nor copy. */
#define VISIBLE 1
#include "async_device.h"
