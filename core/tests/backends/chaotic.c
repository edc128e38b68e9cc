/* Keeps the contract and is otherwise as wild as dice make it: see chaotic.h. COUNT above 1 leaves the
 * device table out: kernels and graphs on the host's memory alone. Streams are the accelerator's. */
#include "chaotic_math.h"

struct dvt_kernel {
    op op;
    uint32_t flags, n_inputs, attrs;
    uint64_t workspace_size, workspace_alignment, axes;
    int64_t extents[2];
};

/* ---- kernels -------------------------------------------------------------------------------------- */

static void look_at_layout(const dvt_tensor *t, const char *data, uint32_t flags) {
    if (count_of(t) == 0) return;
    if (!(flags & DVT_KERNEL_STRIDED) && !contiguous(t)) complain("a row without STRIDED got some");
    if (!(flags & DVT_KERNEL_UNALIGNED) && (uintptr_t)data % 4 != 0)
        complain("a row without UNALIGNED got an odd address");
}

static dvt_status run_op(op o, const dvt_call *call, uint32_t flags, uint64_t axes,
                         dvt_error *error) {
    char *data[3] = {NULL, NULL, NULL};
    uint32_t n = operands(o);
    if (call->n_inputs != n || call->n_outputs != 1) complain("another number of operands");
    for (uint32_t i = 0; i <= n; i++) {
        const dvt_tensor *t = i < n ? call->inputs[i] : call->outputs[0];
        data[i] = first(call->device, t);
        if (data[i] == NULL && count_of(t) > 0)
            return dvt_set_error(error, DVT_INTERNAL, "an operand lies nowhere");
        look_at_layout(t, data[i], flags);
    }
    if (count_of(call->outputs[0]) == 0 && !(flags & DVT_KERNEL_EMPTY))
        complain("a row without EMPTY got an empty result");
    if (fault()) {
        if (data[n] != NULL && dice(2)) *(float *)(void *)data[n] = 1e30f; /* half done */
        return some_error(error, "the dice say that this kernel fails");
    }
    compute(o, call->inputs, call->outputs[0], data, axes);
    return DVT_OK;
}

static dvt_status run_prepared(const dvt_call *call, dvt_error *error) {
    const dvt_kernel *k = call->kernel;
    if (call->workspace_size != k->workspace_size) complain("another workspace than asked for");
    if (k->workspace_size > 0) {
        char *memory = real(call->device, call->workspace);
        uint64_t alignment = k->workspace_alignment != 0 ? k->workspace_alignment : 64;
        int handle = call->device != NULL && call->device->kind == OPAQUE;
        if (memory == NULL || (!handle && (uintptr_t)memory % alignment != 0))
            complain("the workspace is not aligned as asked for");
        else
            memset(memory, 0x7F, k->workspace_size);
    }
    if (summed(call->attrs, call->n_attrs) != k->axes || call->n_attrs != k->attrs)
        complain("other attributes than prepare saw");
    return run_op(k->op, call, k->flags, k->axes, error);
}

/* What rows without prepare run, and prepared ones without a handle. */
#define RUN(word, o)                                                                               \
    static dvt_status run_##word(const dvt_call *call, dvt_error *error) {                         \
        if (call->kernel != NULL || call->workspace_size != 0)                                     \
            complain("a gift nobody asked for");                                                   \
        return run_op(o, call, 0, summed(call->attrs, call->n_attrs), error);                      \
    }
RUN(add, ADD)
RUN(subtract, SUBTRACT)
RUN(multiply, MULTIPLY)
RUN(maximum, MAXIMUM)
RUN(negative, NEGATIVE)
RUN(exp, EXP)
RUN(sum, SUM)
static const dvt_run_fn plain[] = {run_add,      run_subtract, run_multiply, run_maximum,
                                   run_negative, run_exp,      run_sum};

static dvt_status prepare_flags(const dvt_op *o, dvt_kernel_info *info, uint32_t flags,
                                dvt_error *error) {
    op found = op_of(o->name);
    if (o->host == NULL || o->struct_size < sizeof *o) complain("an op without a host");
    for (uint32_t i = 0; i < o->n_inputs; i++)
        if (!(flags & DVT_KERNEL_STRIDED) && count_of(o->inputs[i]) > 0 &&
            !contiguous(o->inputs[i]))
            complain("prepare of a row without STRIDED saw some");
    if (o->n_outputs != 1 || !computable(found, o->inputs, o->outputs[0])) {
        info->reason = dice(2) ? "float32 alone, and products of matrices" : NULL;
        return DVT_UNSUPPORTED;
    }
    if (dice(8) == 0) {
        static const char *const reasons[] = {NULL, "", "the dice say no to this shape"};
        info->reason = reasons[dice(3)];
        info->workspace_size = UINT64_MAX; /* nobody looks at the rest of a refusal */
        return DVT_UNSUPPORTED;
    }
    if (fault()) return some_error(error, "the dice say that prepare fails");
    static const uint64_t costs[] = {0, 1, 500, 999, 1000, 1000000};
    info->cost_ns = costs[dice(6)];
    info->flags = dice(4); /* deterministic, capturable */
    if (found < SUM && dice(2)) info->may_alias = (UINT64_C(1) << o->n_inputs) - 1;
    if (found <= SUM && flags == 0 && dice(3) == 0) {
        info->run = plain[found];
        return DVT_OK;
    }
    dvt_kernel *k = calloc(1, sizeof *k);
    if (k == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "calloc gave nothing");
    live_kernels++;
    *k = (dvt_kernel){.op = found,
                      .flags = flags,
                      .n_inputs = o->n_inputs,
                      .attrs = o->n_attrs,
                      .axes = summed(o->attrs, o->n_attrs),
                      .workspace_size = dice(2) ? dice(5000) : 0};
    int handle = o->device != NULL && o->device->kind == OPAQUE;
    k->workspace_alignment = dice(3) ? UINT64_C(1) << dice(handle ? 7 : 13) : 0;
    info->workspace_size = k->workspace_size;
    info->workspace_alignment = k->workspace_alignment;
    info->run = run_prepared;
    info->kernel = k;
    return DVT_OK;
}

#define WILD (DVT_KERNEL_STRIDED | DVT_KERNEL_UNALIGNED)

static dvt_status prepare_wild(const dvt_op *o, dvt_kernel_info *info, dvt_error *error) {
    return prepare_flags(o, info, WILD, error);
}

static dvt_status prepare_empty(const dvt_op *o, dvt_kernel_info *info, dvt_error *error) {
    return prepare_flags(o, info, DVT_KERNEL_EMPTY, error);
}

static dvt_status prepare_plain(const dvt_op *o, dvt_kernel_info *info, dvt_error *error) {
    return prepare_flags(o, info, 0, error);
}

static void destroy_kernel(dvt_kernel *k) {
    live_kernels--;
    free(k);
}

/* ---- graphs --------------------------------------------------------------------------------------- */

typedef struct node {
    op op;
    uint32_t inputs[2], output;
    uint64_t axes;
} node;

/* A copy of what the graph says: the graph itself is the host's. */
struct dvt_executable {
    uint32_t n_nodes, n_values, n_inputs, n_outputs, *inputs, *outputs;
    node *nodes;
    dvt_tensor *values;
    int64_t *extents;
    uint64_t *starts, bytes; /* of each value in the memory of one execution */
    const char **constants;
    dvt_device *device;
    uint64_t workspace_size, workspace_alignment;
};

static dvt_status partition(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error) {
    static const char *const reasons[] = {NULL, "", "the dice say no"};
    const dvt_graph *g = desc->graph;
    uint32_t mood = dice(4), groups = 1 + dice(5);
    if (fault()) return some_error(error, "the dice say that partition fails");
    if (mood == 0) return DVT_UNSUPPORTED;
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        int ours = op_of(g->nodes[i]->op) != N_OPS || dice(20) == 0;
        uint32_t group = mood == 1 ? 1 : dice(groups + 1);
        claims[i]->group = !ours ? 0 : group == 5 ? UINT32_MAX : group;
        claims[i]->reason = reasons[dice(3)];
    }
    return DVT_OK;
}

static void destroy(dvt_executable *x) {
    live_executables--;
    free(x->nodes);
    free(x->values);
    free(x->extents);
    free(x->starts);
    free(x->constants);
    free(x->inputs);
    free(x);
}

/* Fill x from the graph; 0 when a node is none of ours. */
static int read_graph(dvt_executable *x, const dvt_graph *g) {
    int64_t *next = x->extents;
    for (uint32_t i = 0; i < g->n_values; i++) {
        const dvt_tensor *t = &g->values[i]->spec;
        x->values[i] = (dvt_tensor){.ndim = t->ndim, .dtype = t->dtype, .shape = next};
        memcpy(next, t->shape, (size_t)t->ndim * sizeof *next);
        x->values[i].strides = next + t->ndim;
        int64_t stride = 1;
        for (int32_t d = t->ndim - 1; d >= 0; stride *= t->shape[d--])
            x->values[i].strides[d] = stride;
        next += 2 * t->ndim;
        x->starts[i] = x->bytes;
        x->bytes += ((uint64_t)count_of(t) * 16 + 63) / 64 * 64;
        if (g->values[i]->flags & DVT_VALUE_CONSTANT) x->constants[i] = first(x->device, t);
    }
    for (uint32_t i = 0; i < g->n_nodes; i++) {
        const dvt_node *n = g->nodes[i];
        op o = op_of(n->op);
        const dvt_tensor *in[2] = {NULL, NULL};
        for (uint32_t k = 0; k < n->n_inputs && k < 2; k++) in[k] = &x->values[n->inputs[k]];
        if (o == N_OPS || n->n_outputs != 1 || n->n_inputs != operands(o) ||
            !computable(o, in, &x->values[n->outputs[0]]))
            return 0;
        x->nodes[i] =
            (node){.op = o, .output = n->outputs[0], .axes = summed(n->attrs, n->n_attrs)};
        memcpy(x->nodes[i].inputs, n->inputs, n->n_inputs * sizeof *n->inputs);
    }
    memcpy(x->inputs, g->inputs, g->n_inputs * sizeof *g->inputs);
    memcpy(x->outputs, g->outputs, g->n_outputs * sizeof *g->outputs);
    return 1;
}

static dvt_executable *make(const dvt_compile_desc *desc) {
    const dvt_graph *g = desc->graph;
    dvt_executable *x = calloc(1, sizeof *x);
    size_t extents = 1;
    if (x == NULL) return NULL;
    live_executables++;
    for (uint32_t i = 0; i < g->n_values; i++) extents += 2 * (size_t)g->values[i]->spec.ndim;
    x->n_nodes = g->n_nodes;
    x->n_values = g->n_values;
    x->n_inputs = g->n_inputs;
    x->n_outputs = g->n_outputs;
    x->device = desc->devices[0];
    x->nodes = calloc(g->n_nodes + 1, sizeof *x->nodes);
    x->values = calloc(g->n_values + 1, sizeof *x->values);
    x->extents = calloc(extents, sizeof *x->extents);
    x->starts = calloc(g->n_values + 1, sizeof *x->starts);
    x->constants = calloc(g->n_values + 1, sizeof *x->constants);
    x->inputs = calloc((size_t)g->n_inputs + g->n_outputs + 1, sizeof *x->inputs);
    if (x->nodes && x->values && x->extents && x->starts && x->constants && x->inputs) {
        x->outputs = x->inputs + g->n_inputs;
        return x;
    }
    destroy(x);
    return NULL;
}

/* Any pairs of the first 8 outputs and the first 8 inputs. */
static uint64_t some_aliases(uint32_t n_inputs, uint32_t n_outputs) {
    uint64_t mask = 0;
    for (uint32_t o = 0; o < n_outputs && o < 8; o++)
        for (uint32_t i = 0; i < n_inputs && i < 8; i++) mask |= (uint64_t)dice(2) << (8 * o + i);
    return mask;
}

static dvt_status compile(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    if (desc->n_devices != 1 || desc->host == NULL) complain("compile for no device or host");
    if (dice(10) == 0)
        return dice(2) ? DVT_UNSUPPORTED : dvt_set_error(error, DVT_UNSUPPORTED, "not this group");
    if (fault()) return some_error(error, "the dice say that compile fails");
    dvt_executable *x = make(desc);
    if (x == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "calloc gave nothing");
    if (!read_graph(x, desc->graph)) {
        *executable = x; /* of no matter beside a refusal */
        destroy(x);
        return DVT_UNSUPPORTED;
    }
    int handle = x->device != NULL && x->device->kind == OPAQUE;
    x->workspace_size = dice(2) ? x->bytes + dice(100) : 0;
    x->workspace_alignment = dice(3) ? UINT64_C(64) << dice(handle ? 2 : 7) : 0;
    info->workspace_size = x->workspace_size;
    info->workspace_alignment = x->workspace_alignment;
    info->flags = dice(2) ? DVT_EXECUTABLE_CONCURRENT : 0;
    info->may_alias = some_aliases(x->n_inputs, x->n_outputs); /* it reads all first */
    info->cost_ns = dice(2) ? dice(3000) : 0;
    info->description = dice(2) ? "a group of chaos" : NULL;
    *executable = x;
    return DVT_OK;
}

static dvt_status execute(dvt_executable *x, const dvt_call *call, dvt_error *error) {
    char *scratch = NULL, *memory = x->workspace_size > 0 ? real(x->device, call->workspace) : NULL;
    if (call->n_inputs != x->n_inputs || call->n_outputs != x->n_outputs)
        complain("a graph got another number of operands");
    if (call->workspace_size != x->workspace_size) complain("another workspace than asked for");
    if (x->workspace_alignment > 0 && memory != NULL &&
        (x->device == NULL || x->device->kind != OPAQUE) &&
        (uintptr_t)memory % x->workspace_alignment != 0)
        complain("the workspace of a group is not aligned as asked for");
    if (memory == NULL) memory = scratch = aligned_alloc(64, (size_t)x->bytes + 64);
    if (memory == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "malloc gave nothing");
    int broken = fault();
    for (uint32_t i = 0; i < x->n_values; i++)
        if (x->constants[i] != NULL)
            memcpy(memory + x->starts[i], x->constants[i], (size_t)count_of(&x->values[i]) * 4);
    for (uint32_t i = 0; i < x->n_inputs; i++) {
        const dvt_tensor *t = call->inputs[i];
        if (count_of(t) == 0) continue;
        if (!contiguous(t)) complain("a graph got a strided operand");
        memcpy(memory + x->starts[x->inputs[i]], first(x->device, t),
               (size_t)count_of(t) * t->dtype.bits / 8);
    }
    for (uint32_t i = 0; i < x->n_nodes; i++) {
        const node *n = &x->nodes[i];
        const dvt_tensor *in[2] = {&x->values[n->inputs[0]], &x->values[n->inputs[1]]};
        char *data[3] = {memory + x->starts[n->inputs[0]], memory + x->starts[n->inputs[1]], NULL};
        data[operands(n->op)] = memory + x->starts[n->output];
        compute(n->op, in, &x->values[n->output], data, n->axes);
    }
    for (uint32_t i = 0; i < x->n_outputs && !broken; i++)
        if (count_of(call->outputs[i]) > 0)
            memcpy(first(x->device, call->outputs[i]), memory + x->starts[x->outputs[i]],
                   (size_t)count_of(call->outputs[i]) * 4);
    free(scratch);
    return broken ? some_error(error, "the dice say that this group fails") : DVT_OK;
}

/* ---- tables --------------------------------------------------------------------------------------- */

static struct dvt_device devices[N_KINDS];

static dvt_status device_count(const dvt_host *host, uint32_t *count, dvt_error *error) {
    (void)host;
    (void)error;
    *count = N_KINDS;
    return DVT_OK;
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    if (desc->ordinal >= N_KINDS) return dvt_set_error(error, DVT_INVALID_ARGUMENT, "there are 4");
    *device = &devices[desc->ordinal];
    (*device)->kind = desc->ordinal;
    return DVT_OK;
}

static dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
#define SPACE(bits, n)                                                                             \
    {.struct_size = sizeof(dvt_memory_space),                                                      \
     .flags = bits,                                                                                \
     .kind = DVT_SPACE_DEVICE,                                                                     \
     .alignment = 128,                                                                             \
     .place = {DVT_PLACE_EXTENSION, n},                                                            \
     .name = "chaos"}
    static const dvt_memory_space spaces[N_KINDS] = {
        SPACE(DVT_SPACE_HOST_VISIBLE | DVT_SPACE_COHERENT, 0), SPACE(0, 1),
        SPACE(DVT_SPACE_OPAQUE, 2),
        SPACE(DVT_SPACE_HOST_VISIBLE | DVT_SPACE_COHERENT | DVT_SPACE_POOLED, 3)};
    static const dvt_memory_space *const pointers[N_KINDS] = {&spaces[0], &spaces[1], &spaces[2],
                                                              &spaces[3]};
    (void)error;
    info->name = "chaos";
    info->spaces = &pointers[device->kind];
    info->n_spaces = 1;
    return DVT_OK;
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
#define ROW(word, bits, order, how)                                                                \
    {.op = word,                                                                                   \
     .types = "T=f32",                                                                             \
     .flags = bits,                                                                                \
     .priority = order,                                                                            \
     .prepare = how,                                                                               \
     .destroy = destroy_kernel}
#define ROWS(word)                                                                                 \
    ROW(word, WILD, 2, prepare_wild), ROW(word, DVT_KERNEL_EMPTY, -1, prepare_empty),              \
        ROW(word, 0, 0, prepare_plain)
static const dvt_kernel_def rows[] = {
    ROWS("add"),
    ROWS("multiply"),
    ROWS("negative"),
    ROWS("sum"),
    ROWS("matmul"),
    ROWS("exp"),
    {.op = "add", .types = "T=f32", .priority = -7, .run = run_add},
    {.op = "subtract", .types = "T=f32", .run = run_subtract}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = COUNT > 1 ? NULL : &device_api,
                                  .graph = &graph_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
