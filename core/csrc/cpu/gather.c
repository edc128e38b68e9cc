/* Reading and writing at positions of one axis: take, take_along_axis, scatter, scatter_add and
 * scatter_add_along_axis. */
#include "rows.h"

const dvt_kernel_def dvt_cpu_gather_rows[1];
const uint32_t dvt_cpu_gather_count = 0;
