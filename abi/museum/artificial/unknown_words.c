/* Rows for ops, type variables and types that nobody knows yet, before and after one that is known. */
#include "visitor.h"

static const dvt_kernel_def rows[] = {
    {.op = "op_of_the_future", .types = "T=f32", .run = add},
    {.op = "add", .types = "T=f2_e1m0|u1;Q=i3", .priority = 9, .run = add},
    {.op = "add", .types = "T=f2_e1m0|f32;Q=i3", .flags = 0x4000, .priority = 5, .run = add},
    {.op = "multiply", .types = "T=f32", .min_version = 900, .max_version = 901, .run = add}};
static const dvt_plugin plugin = {PLUGIN, ROWS(rows, 4, sizeof rows[0])};
ANSWER(&plugin)
