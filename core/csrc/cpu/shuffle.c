/* Elements to other places: pad and concat. */
#include "rows.h"

const dvt_kernel_def dvt_cpu_shuffle_rows[1];
const uint32_t dvt_cpu_shuffle_count = 0;
