/* Built with a minor of the future, of which it needs nothing. */
#include "visitor.h"

static const dvt_kernel_def rows[] = {ROW};
static const dvt_plugin plugin = {.struct_size = sizeof plugin,
                                  .abi_version = DVT_ABI_VERSION + 7,
                                  .abi_required = 65536,
                                  .name = NAME,
                                  .version = "1",
                                  ROWS(rows, 1, sizeof rows[0])};
ANSWER(&plugin)
