/* Has a kernel for an op that there is not. */
#include "kernels.h"

PLUGIN_WITH(rows[0].op = "ad";)
