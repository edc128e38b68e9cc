/* What the artificial visitors share: tables that are right, and the sum of two arrays. A visitor is a
 * few lines that change one thing. NAME is its device word, given by the build. */
#ifndef VISITOR_H
#define VISITOR_H

#include <stddef.h>

#include "dovetail.h"

#define REACH(type, last) (uint32_t)(offsetof(type, last) + sizeof(((type *)0)->last))
#define GARBAGE ((void *)16) /* behind the end of a short struct: to use it crashes */

static inline dvt_status add(const dvt_call *call, dvt_error *error) {
    const float *x = dvt_tensor_data(call->inputs[0]), *y = dvt_tensor_data(call->inputs[1]);
    float *z = dvt_tensor_data(call->outputs[0]);
    int64_t n = 1;
    (void)error;
    for (int32_t d = 0; d < call->outputs[0]->ndim; d++) n *= call->outputs[0]->shape[d];
    for (int64_t i = 0; i < n; i++) z[i] = x[i] + y[i];
    return DVT_OK;
}

#define ROW {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = add}

#define PLUGIN                                                                                     \
    .struct_size = sizeof(dvt_plugin), .abi_version = DVT_ABI_VERSION, .abi_required = 65536,      \
    .name = NAME, .version = "1"
#define ROWS(rows, n, stride) .kernels = (rows), .n_kernels = (n), .kernel_def_size = (stride)

/* One host device. */
static inline dvt_status open_it(const dvt_device_desc *desc, dvt_device **device,
                                 dvt_error *error) {
    static char one;
    (void)desc;
    (void)error;
    *device = (dvt_device *)(void *)&one;
    return DVT_OK;
}

static inline dvt_status describe(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    (void)device;
    (void)error;
    info->name = "visitor";
    return DVT_OK;
}

/* Graphs of one addition of two inputs. */
static inline dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                                 dvt_executable_info *info, dvt_error *error) {
    static char one;
    const char *op = desc->graph->nodes[0]->op;
    (void)info;
    if (desc->graph->n_nodes != 1 || op[0] != 'a' || op[1] != 'd' || desc->graph->n_inputs != 2)
        return dvt_set_error(error, DVT_UNSUPPORTED, "one addition alone");
    *executable = (dvt_executable *)(void *)&one;
    return DVT_OK;
}

static inline dvt_status execute(dvt_executable *executable, const dvt_call *call,
                                 dvt_error *error) {
    (void)executable;
    return add(call, error);
}

static inline void destroy(dvt_executable *executable) {
    (void)executable;
}

#define DEVICE .device_open = open_it, .device_info = describe
#define GRAPH .compile = compile, .execute = execute, .destroy = destroy

#define ANSWER(table)                                                                              \
    const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max, const dvt_host *host, \
                                       dvt_error *error) {                                         \
        (void)host_min;                                                                            \
        (void)host_max;                                                                            \
        (void)host;                                                                                \
        (void)error;                                                                               \
        return (table);                                                                            \
    }

#endif
