/* Nothing is wrong with it. */
#include "kernels.h"

PLUGIN_WITH()
