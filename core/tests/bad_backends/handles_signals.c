/* Installs a handler of its own at the first run. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>

#include "kernels.h"

static void swallow(int number) {
    (void)number;
}

static dvt_status add_guarded(const dvt_call *call, dvt_error *error) {
    struct sigaction action = {.sa_handler = swallow};
    sigaction(SIGUSR2, &action, NULL);
    return add(call, error);
}

PLUGIN_WITH(rows[0].run = add_guarded;)
