/* Sets the locale of the process for its own messages. */
#include <locale.h>
#include <stdlib.h>

#include "kernels.h"

static dvt_status add_local(const dvt_call *call, dvt_error *error) {
    setlocale(LC_ALL, "C.UTF-8");
    setlocale(LC_NUMERIC, "POSIX");
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_local;)
