/* Breaks the contract where a host can see it. Every device of it breaks one thing: the ordinal is the
 * place of its fault in FAULTS, which test_broken_answers.py reads too. It has rows for add and negate
 * (float32), and claims groups that hold subtract. */
#include <stdlib.h>
#include <string.h>

#include "good.h"

/* clang-format off */
#define FAULTS(X)                                                                                  \
    X(open_null) X(open_mute) X(open_unknown_status) X(open_endless_text) X(open_no_utf8)          \
    X(info_mute) X(info_shrunk) X(spaces_null) X(space_null) X(space_short) X(space_alignment)     \
    X(alloc_null) X(alloc_mute) X(alloc_unknown_status) X(alloc_misaligned) X(copy_mute)           \
    X(prepare_mute) X(prepare_unknown_status) X(prepare_pending) X(prepare_shrunk)                 \
    X(prepare_workspace) X(prepare_workspace_wraps) X(prepare_alignment) X(prepare_no_run)         \
    X(prepare_no_utf8) X(run_mute) X(run_unknown_status) X(run_unsupported)                        \
    X(partition_mute) X(partition_pending) X(partition_huge_groups) X(partition_no_utf8)           \
    X(compile_null) X(compile_mute) X(compile_unknown_status) X(compile_shrunk)                    \
    X(compile_workspace) X(compile_alignment) X(compile_leaves_a_handle) X(compile_no_utf8)        \
    X(execute_mute) X(execute_unknown_status) X(execute_pending) X(none)
/* clang-format on */

#define NAMED(fault) FAULT_##fault,
typedef enum { FAULTS(NAMED) N_FAULTS } fault;

#define NO_UTF8 "\xff\xfe bytes"

struct dvt_device {
    fault fault;
};
static struct dvt_device devices[N_FAULTS];

static dvt_status device_count(const dvt_host *host, uint32_t *count, dvt_error *error) {
    (void)host;
    (void)error;
    *count = COUNT > 1 ? 4000000000u : N_FAULTS;
    return DVT_OK;
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    struct dvt_device *d = &devices[desc->ordinal];
    d->fault = (fault)desc->ordinal;
    switch (d->fault) {
    case FAULT_open_null:
        return DVT_OK;
    case FAULT_open_mute:
        return DVT_INTERNAL;
    case FAULT_open_unknown_status:
        *device = d;
        return 77;
    case FAULT_open_endless_text:
        memset(error->message, 'x', sizeof error->message);
        return DVT_DEVICE_LOST;
    case FAULT_open_no_utf8:
        return dvt_set_error(error, DVT_INTERNAL, NO_UTF8);
    default:
        *device = d;
        return DVT_OK;
    }
}

/* Memory of its own where copies are to fail, the host's elsewhere. */
static dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    static dvt_memory_space spaces[N_FAULTS];
    static const dvt_memory_space *pointers[N_FAULTS];
    fault f = device->fault;
    (void)error;
    spaces[f] = (dvt_memory_space){
        .struct_size = f == FAULT_space_short ? 8 : sizeof(dvt_memory_space),
        .flags = f == FAULT_copy_mute ? 0 : DVT_SPACE_HOST_VISIBLE | DVT_SPACE_COHERENT,
        .alignment = f == FAULT_space_alignment ? 48 : 64,
        .place = {DVT_PLACE_CPU, 0},
        .name = "ram"};
    pointers[f] = f == FAULT_space_null ? NULL : &spaces[f];
    info->name = "broken";
    info->n_spaces = 1;
    info->spaces = f == FAULT_spaces_null ? NULL : &pointers[f];
    if (f == FAULT_info_shrunk) info->struct_size = 8;
    return f == FAULT_info_mute ? DVT_IO : DVT_OK;
}

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    (void)error;
    if (device->fault == FAULT_alloc_null) return DVT_OK;
    if (device->fault == FAULT_alloc_mute) return DVT_INTERNAL;
    if (device->fault == FAULT_alloc_unknown_status) return -1000;
    size_t size = ((size_t)desc->size + 127) / 64 * 64;
    char *memory = aligned_alloc(64, size);
    if (memory == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "nothing is left");
    *data = memory + (device->fault == FAULT_alloc_misaligned ? 4 : 0);
    return DVT_OK;
}

static void release(dvt_device *device, const dvt_alloc_desc *desc) {
    free((char *)desc->data - (device->fault == FAULT_alloc_misaligned ? 4 : 0));
}

static dvt_status copy(dvt_device *device, const dvt_copy *c, dvt_error *error) {
    (void)device;
    (void)c;
    (void)error;
    return DVT_IO;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    switch (call->device->fault) {
    case FAULT_run_mute:
        return DVT_CANCELLED;
    case FAULT_run_unknown_status:
        return 12345;
    case FAULT_run_unsupported:
        return DVT_UNSUPPORTED;
    default:
        return add(call, error);
    }
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    info->run = run;
    info->cost_ns = 2000;
    switch (op->device->fault) {
    case FAULT_prepare_mute:
        return DVT_DEVICE_LOST;
    case FAULT_prepare_unknown_status:
        return -77;
    case FAULT_prepare_pending:
        return DVT_PENDING;
    case FAULT_prepare_shrunk:
        info->struct_size = 12;
        break;
    case FAULT_prepare_workspace:
        info->workspace_size = UINT64_C(1) << 62;
        break;
    case FAULT_prepare_workspace_wraps: /* with the room for its alignment: 127 bytes */
        info->workspace_size = UINT64_MAX;
        info->workspace_alignment = 128;
        break;
    case FAULT_prepare_alignment:
        info->workspace_size = 8;
        info->workspace_alignment = 48;
        break;
    case FAULT_prepare_no_run:
        info->run = NULL;
        break;
    case FAULT_prepare_no_utf8:
        info->reason = NO_UTF8;
        return DVT_UNSUPPORTED;
    default:
        break;
    }
    return DVT_OK;
}

static dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error) {
    fault f = desc->devices[0]->fault;
    (void)error;
    for (uint32_t i = 0; i < desc->graph->n_nodes; i++) {
        int wanted = strcmp(desc->graph->nodes[i]->op, "subtract") == 0;
        claims[i]->group = wanted ? f == FAULT_partition_huge_groups ? UINT32_MAX : 1 : 0;
        if (f == FAULT_partition_no_utf8) {
            claims[i]->group = 0;
            claims[i]->reason = NO_UTF8;
        }
    }
    return f == FAULT_partition_mute      ? DVT_INTERNAL
           : f == FAULT_partition_pending ? DVT_PENDING
                                          : 0;
}

struct dvt_executable {
    fault fault;
    const dvt_graph *graph;
};

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    fault f = desc->devices[0]->fault;
    (void)error;
    if (f == FAULT_compile_null) return DVT_OK;
    if (f == FAULT_compile_leaves_a_handle) {
        *executable = (dvt_executable *)(void *)&devices[0]; /* destroying it would free a static */
        return dvt_set_error(error, DVT_UNSUPPORTED, "it changed its mind");
    }
    if (f == FAULT_compile_mute) return DVT_INTERNAL;
    if (f == FAULT_compile_unknown_status) return 99;
    dvt_executable *x = malloc(sizeof *x);
    if (x == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "nothing is left");
    *x = (dvt_executable){f, desc->graph};
    *executable = x;
    info->description = f == FAULT_compile_no_utf8 ? NO_UTF8 : "differences";
    if (f == FAULT_compile_shrunk) info->struct_size = 0;
    if (f == FAULT_compile_workspace) info->workspace_size = UINT64_MAX - 3;
    if (f == FAULT_compile_alignment) info->workspace_alignment = 3;
    return DVT_OK;
}

/* Groups of at most 8 values of at most 64 elements, every node a difference. */
static dvt_status execute(dvt_executable *x, const dvt_call *call, dvt_error *error) {
    static float values[64][64];
    const dvt_graph *graph = x->graph;
    (void)error;
    if (x->fault == FAULT_execute_mute) return DVT_TIMEOUT;
    if (x->fault == FAULT_execute_unknown_status) return -12345;
    if (x->fault == FAULT_execute_pending) return DVT_PENDING;
    int64_t n = 1;
    for (int32_t d = 0; d < call->outputs[0]->ndim; d++) n *= call->outputs[0]->shape[d];
    for (uint32_t i = 0; i < graph->n_inputs; i++)
        memcpy(values[graph->inputs[i]], dvt_tensor_data(call->inputs[i]), (size_t)n * 4);
    for (uint32_t i = 0; i < graph->n_nodes; i++) {
        const dvt_node *node = graph->nodes[i];
        for (int64_t k = 0; k < n; k++)
            values[node->outputs[0]][k] = values[node->inputs[0]][k] - values[node->inputs[1]][k];
    }
    for (uint32_t i = 0; i < graph->n_outputs; i++)
        memcpy(dvt_tensor_data(call->outputs[i]), values[graph->outputs[i]], (size_t)n * 4);
    return DVT_OK;
}

static void destroy(dvt_executable *x) {
    free(x);
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_count = device_count,
                                          .device_open = device_open,
                                          .device_info = device_info,
                                          .alloc = alloc,
                                          .release = release,
                                          .copy = copy};
static const dvt_graph_api graph_api = {.struct_size = sizeof graph_api,
                                        .partition = partition,
                                        .compile = compile,
                                        .execute = execute,
                                        .destroy = destroy};
static const dvt_kernel_def rows[] = {
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .prepare = prepare}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api, .graph = &graph_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
