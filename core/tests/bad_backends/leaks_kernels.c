/* Forgets to free its kernels. */
#include "kernels.h"

static void keep(dvt_kernel *kernel) {
    (void)kernel;
}

PLUGIN_WITH(rows[0].destroy = keep;)
