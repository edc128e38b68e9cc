/* Sets the processor to flush denormal numbers to zero, and leaves it so. */
#include <xmmintrin.h>

#include "kernels.h"

static dvt_status add_fast(const dvt_call *call, dvt_error *error) {
    dvt_status status = add(call, error);
    _MM_SET_FLUSH_ZERO_MODE(_MM_FLUSH_ZERO_ON);
    return status;
}

PLUGIN_WITH(rows[0].run = add_fast;)
