/* Keeps a table of the host's memory for ever, and writes one byte behind it. */
#include <string.h>

#include "kernels.h"

static dvt_status add_by_table(const dvt_call *call, dvt_error *error) {
    static void *table;
    if (table == NULL) table = call->host->host_alloc(call->host, 64, 64);
    if (table == NULL)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "add: no memory for its table of 64 bytes");
    memset(table, 0, 65);
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_by_table;)
