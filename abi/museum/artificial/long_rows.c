/* Its rows have three fields of the future. */
#include "visitor.h"

static const struct {
    dvt_kernel_def row;
    void *future[3];
} rows[] = {{{.op = "op_before", .types = "T=f32", .run = add}, {GARBAGE, GARBAGE, GARBAGE}},
            {ROW, {GARBAGE, GARBAGE, GARBAGE}}};
static const dvt_plugin plugin = {PLUGIN, ROWS(&rows[0].row, 2, sizeof rows[0])};
ANSWER(&plugin)
