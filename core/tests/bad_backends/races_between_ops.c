/* Each op has a lock of its own, and all ops have one scratch. */
#define _POSIX_C_SOURCE 200809L
#include <pthread.h>

#include "kernels.h"

static dvt_call scratch;

static dvt_status locked(pthread_mutex_t *mine, const dvt_call *call, double sign) {
    pthread_mutex_lock(mine);
    scratch = *call;
    for (int64_t i = 0, n = count(call->outputs[0]); i < n; i++) {
        const volatile dvt_call *shared = &scratch;
        if (i < count(shared->inputs[0]))
            put(call->outputs[0], i, get(shared->inputs[0], i) + sign * get(call->inputs[1], i));
    }
    pthread_mutex_unlock(mine);
    return DVT_OK;
}

static dvt_status add_locked(const dvt_call *call, dvt_error *error) {
    static pthread_mutex_t mine = PTHREAD_MUTEX_INITIALIZER;
    (void)error;
    return locked(&mine, call, 1);
}

static dvt_status subtract_locked(const dvt_call *call, dvt_error *error) {
    static pthread_mutex_t mine = PTHREAD_MUTEX_INITIALIZER;
    (void)error;
    return locked(&mine, call, -1);
}

static const dvt_kernel_def both[] = {{.op = "add", .types = "T=f32", .run = add_locked},
                                      {.op = "subtract", .types = "T=f32", .run = subtract_locked}};

PLUGIN_WITH((void)rows; plugin.kernels = both; plugin.n_kernels = 2;)
