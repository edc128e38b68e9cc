/* One op for each wrong use of the host's memory. */
#include <string.h>

#include "../backends/good.h"

#define RUN(name) static dvt_status name(const dvt_call *call, dvt_error *error)

static dvt_status done(const dvt_call *call, dvt_error *error) {
    return add(call, error);
}

RUN(ignores_null_and_crashes) {
    const dvt_host *host = call->host;
    char *data = host->host_alloc(host, 64, 64);
    *(volatile char *)data = 1;
    host->host_free(host, data, 64);
    return done(call, error);
}

RUN(wrong_code) { /* and no text */
    const dvt_host *host = call->host;
    char *data = host->host_alloc(host, 64, 64);
    if (data == NULL) return DVT_INTERNAL;
    host->host_free(host, data, 32);
    (void)error;
    return done(call, error);
}

RUN(skips_the_work) {
    const dvt_host *host = call->host;
    char *data = host->host_alloc(host, 64, 64);
    if (data == NULL) return DVT_OK;
    host->host_free(host, data, 64);
    host->host_free(host, data, 64);
    return done(call, error);
}

RUN(leaks) { /* when the second allocation fails */
    const dvt_host *host = call->host;
    char *first = host->host_alloc(host, 64, 64), *second = host->host_alloc(host, 64, 64);
    if (first == NULL || second == NULL)
        return host->fail(host, error, DVT_OUT_OF_MEMORY, "no memory for a table of 64 bytes");
    memset(second, 0, 65);
    host->host_free(host, first, 64);
    host->host_free(host, second, 64);
    return done(call, error);
}

RUN(bad_words) {
    const dvt_host *host = call->host;
    if (host->host_alloc(host, 64, 48) != NULL) return DVT_INTERNAL;
    host->log(host, DVT_LOG_INFO, "\xff");
    host->log(host, DVT_LOG_INFO, NULL);
    return done(call, error);
}

#define ROW(name, runs)                                                                            \
    {.op = name, .types = "T=f32", .min_version = 1, .max_version = 9, .run = runs}

static const dvt_kernel_def rows[] = {
    ROW("add", ignores_null_and_crashes),
    ROW("subtract", wrong_code),
    ROW("multiply", skips_the_work),
    ROW("maximum", leaks),
    ROW("minimum", bad_words),
    ROW("divide", ignores_null_and_crashes),
};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
