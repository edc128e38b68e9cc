/* From a younger minor that needs nothing of it: every struct is longer, the rows too. */
#include "good.h"

static const struct {
    dvt_kernel_def row;
    const char *slots_of_the_future[3];
} rows[] = {{GOOD_ROW, {"a", "b", "c"}},
            {{.op = "op_of_the_future", .types = "T=f32;Q=f2_e1m0", .run = add}, {"d", "e", "f"}}};

static const struct {
    dvt_plugin plugin;
    void (*slots_of_the_future[4])(void);
} young = {{.struct_size = sizeof young,
            .abi_version = DVT_ABI_VERSION + 3,
            .abi_required = 65536,
            .name = NAME,
            .version = "9",
            .kernels = &rows[0].row,
            .n_kernels = 2,
            .kernel_def_size = sizeof rows[0]},
           {0}};

QUERY {
    (void)host_min;
    (void)host_max;
    (void)host;
    (void)error;
    return &young.plugin;
}
