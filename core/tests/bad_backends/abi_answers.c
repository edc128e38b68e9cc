/* One op for each wrong answer of prepare. */
#include <string.h>

#include "../backends/good.h"

#define PREPARE(name)                                                                              \
    static inline dvt_status name(const dvt_op *op, dvt_kernel_info *info, dvt_error *error)

static char kernel[1];
static volatile int *volatile nowhere;

PREPARE(takes_all) { /* also types that do not exist; and it uses tf32 unasked */
    (void)op;
    (void)error;
    info->flags = DVT_INFO_USED_TF32;
    return DVT_OK;
}

PREPARE(equal_sizes) { /* no younger host, no unknown flag; refuses without reason or text */
    if (op->struct_size != sizeof *op) return DVT_UNSUPPORTED;
    if (op->flags != 0) return DVT_INVALID_ARGUMENT;
    (void)info;
    (void)error;
    return DVT_OK;
}

PREPARE(leaves_kernel) {
    info->kernel = (dvt_kernel *)(void *)kernel;
    info->reason = "\xff\xfe";
    (void)op;
    (void)error;
    return DVT_UNSUPPORTED;
}

PREPARE(odd_workspace) { /* and nothing to run, and more than the host's struct holds */
    (void)op;
    (void)error;
    info->workspace_alignment = 48;
    memset((char *)info + info->struct_size, 0, 8);
    return DVT_OK;
}

PREPARE(unknown_is_error) {
    (void)info;
    if (op->inputs[0]->dtype.code != DVT_FLOAT)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "only floats");
    return DVT_OK;
}

PREPARE(falls_over) { /* on anything that is no matrix */
    (void)info;
    (void)error;
    if (op->inputs[0]->ndim == 64) *nowhere = 1;
    return DVT_OK;
}

PREPARE(falls_over_early) { /* on a younger host; what comes behind is wrong, too */
    info->flags = DVT_INFO_DETERMINISTIC;
    if (op->struct_size != sizeof *op) *nowhere = 1;
    if (op->flags & 0xffff) return dvt_set_error(error, DVT_INVALID_ARGUMENT, "unknown flags");
    return DVT_OK;
}

#define ROW(name, what, kinds, prepares)                                                           \
    {.op = name,                                                                                   \
     .types = kinds,                                                                               \
     .min_version = 1,                                                                             \
     .max_version = 9,                                                                             \
     .run = what,                                                                                  \
     .prepare = prepares}

static const dvt_kernel_def rows[] = {
#if BAD == 1
    ROW("add", add, "T=f32", falls_over_early),
#else
    ROW("add", add, NULL, takes_all),
    ROW("subtract", add, "T=f32", equal_sizes),
    ROW("multiply", add, NULL, leaves_kernel),
    ROW("divide", NULL, NULL, odd_workspace),
    ROW("maximum", add, NULL, unknown_is_error),
    ROW("minimum", add, NULL, falls_over),
#endif
};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows)};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
