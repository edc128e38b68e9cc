/* Has a kernel for the next meaning of add alone. */
#include "kernels.h"

PLUGIN_WITH(rows[0].min_version = 2; rows[0].max_version = 2;)
