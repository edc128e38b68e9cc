/* Its dvt_plugin has four fields of the future. */
#include "visitor.h"

static const dvt_kernel_def rows[] = {ROW};
static const struct {
    dvt_plugin plugin;
    void *future[4];
} table = {{.struct_size = sizeof table,
            .abi_version = DVT_ABI_VERSION,
            .abi_required = 65536,
            .name = NAME,
            .version = "1",
            ROWS(rows, 1, sizeof rows[0])},
           {GARBAGE, GARBAGE, GARBAGE, GARBAGE}};
ANSWER(&table.plugin)
