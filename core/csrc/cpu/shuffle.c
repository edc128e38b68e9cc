/* Elements to other places: pad, concat and roll. */
#include "shuffle.h"

#include "element.h"
#include "rows.h"

const dvt_kernel_def dvt_cpu_shuffle_rows[] = {
    {.op = "pad",
     .types = "T=" DVT_ALL_WORDS,
     .min_version = 1,
     .max_version = 1,
     .prepare = dvt_pad_prepare},
    {.op = "concat",
     .types = "T=" DVT_ALL_WORDS,
     .min_version = 1,
     .max_version = 1,
     .flags = DVT_KERNEL_STRIDED,
     .prepare = dvt_concat_prepare},
    {.op = "roll",
     .types = "T=" DVT_ALL_WORDS "|c64|c128",
     .min_version = 1,
     .max_version = 1,
     .flags = DVT_KERNEL_STRIDED,
     .prepare = dvt_roll_prepare},
};
const uint32_t dvt_cpu_shuffle_count = sizeof dvt_cpu_shuffle_rows / sizeof dvt_cpu_shuffle_rows[0];
