/* Built with a minor of the future, which it needs: refused, with both versions. */
#include "visitor.h"

static const dvt_kernel_def rows[] = {ROW};
static const dvt_plugin plugin = {.struct_size = sizeof plugin,
                                  .abi_version = DVT_ABI_VERSION + 7,
                                  .abi_required = DVT_ABI_VERSION + 7,
                                  .name = NAME,
                                  .version = "1",
                                  ROWS(rows, 1, sizeof rows[0])};
ANSWER(&plugin)
