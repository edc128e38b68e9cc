/* Its dvt_plugin ends with `graph`; what lies behind is garbage. */
#include "visitor.h"

static const dvt_kernel_def rows[] = {ROW};
static dvt_plugin plugin = {PLUGIN, ROWS(rows, 1, sizeof rows[0]), .extensions = GARBAGE,
                            .n_extensions = 7};

static const dvt_plugin *cut(void) {
    plugin.struct_size = REACH(dvt_plugin, graph);
    return &plugin;
}
ANSWER(cut())
