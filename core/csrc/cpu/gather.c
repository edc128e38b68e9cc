/* Reading and writing at positions of one axis: take, take_along_axis and the scattering ops. */
#include "gather.h"

#include "element.h"
#include "gather_index.h"
#include "rows.h"
#include "scatter.h"

#define ROW(op_name, words, row_flags, prepare_fn)                                                 \
    {.op = op_name,                                                                                \
     .types = "T=" words ";" DVT_INDEX_WORDS,                                                      \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = row_flags,                                                                           \
     .prepare = prepare_fn}

const dvt_kernel_def dvt_cpu_gather_rows[] = {
    ROW("take", DVT_ALL_WORDS, DVT_KERNEL_STRIDED, dvt_take_prepare),
    ROW("take_along_axis", DVT_ALL_WORDS, 0, dvt_take_along_prepare),
    ROW("scatter", DVT_ALL_WORDS, 0, dvt_scatter_prepare),
    ROW("scatter_add", DVT_NUMBER_WORDS, 0, dvt_scatter_prepare),
    ROW("scatter_multiply", DVT_NUMBER_WORDS, 0, dvt_scatter_prepare),
    ROW("scatter_minimum", DVT_NUMBER_WORDS, 0, dvt_scatter_prepare),
    ROW("scatter_maximum", DVT_NUMBER_WORDS, 0, dvt_scatter_prepare),
    ROW("scatter_add_along_axis", DVT_NUMBER_WORDS, 0, dvt_scatter_along_prepare),
};
const uint32_t dvt_cpu_gather_count = sizeof dvt_cpu_gather_rows / sizeof dvt_cpu_gather_rows[0];
