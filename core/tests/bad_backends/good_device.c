/* Nothing is wrong with it. */
#include "device.h"

PLUGIN_WITH(DEVICE)
