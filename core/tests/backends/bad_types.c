/* The types of its second row cannot be read. */
#include "good.h"

static const dvt_kernel_def rows[] = {
    GOOD_ROW,
    {.op = "multiply", .types = "T:f32,f64", .min_version = 1, .max_version = 1, .run = add}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    return &plugin;
}
