/* It lists per-call extensions that no host knows yet, and offers a table under a name of its own. */
#include "visitor.h"

static const dvt_kernel_def rows[] = {ROW};
static const char *const names[] = {"dvt.of_the_future", "com.acme.turbo", "x-trial"};

static const void *find(const char *name) {
    return name[0] == 'x' ? names : DVT_NULL;
}

static const dvt_plugin plugin = {PLUGIN, ROWS(rows, 1, sizeof rows[0]), .extensions = names,
                                  .n_extensions = 3, .get_extension = find};
ANSWER(&plugin)
