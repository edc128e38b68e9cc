/* Keeps 64 KiB of the C library's memory for each run. */
#include <stdlib.h>
#include <string.h>

#include "kernels.h"

static void *volatile last;

static dvt_status add_history(const dvt_call *call, dvt_error *error) {
    char *history = malloc(65536);
    if (history == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "add: no memory is left");
    memset(history, 1, 65536);
    last = history;
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_history;)
