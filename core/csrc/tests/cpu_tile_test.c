/* Random tile programs against an evaluator that takes one element at a time, and the groups that
 * partition makes of random graphs. */
#include "cpu_graph.h"

/* Ops whose results are exact, so that float32 and float64 can be compared bit by bit. */
static const char *const unary[] = {"negative", "abs", "square"};
static const char *const binary[] = {"add", "subtract", "multiply", "maximum", "minimum"};

static double rounded(dvt_type type, double value) {
    switch (type) {
    case DVT_TYPE_F32:
        return (double)(float)value;
    case DVT_TYPE_I8:
        return (double)(int8_t)(int64_t)value;
    case DVT_TYPE_I32:
        return (double)(int32_t)(int64_t)value;
    case DVT_TYPE_U16:
        return (double)(uint16_t)(int64_t)value;
    default:
        return value;
    }
}

static double evaluate(dvt_type type, const char *op, double x, double y) {
    double value = 0;
    switch (op[0]) {
    case 'n':
        value = -x;
        break;
    case 'a':
        value = op[1] == 'd' ? x + y : fabs(x);
        break;
    case 's':
        value = op[1] == 'q' ? x * x : x - y;
        break;
    case 'm':
        value = op[1] == 'u' ? x * y : (op[1] == 'a') == (x > y) ? x : y;
        break;
    default:
        CHECK(!"an op that the evaluator knows");
    }
    return rounded(type, value);
}

typedef struct program {
    graph x;
    dvt_type type;
    int32_t ndim;
    int64_t shape[AXES], size;
    double *element[MOST]; /* of each value: all its elements, in the program's shape */
    array arrays[MOST];
    uint32_t readable[MOST], n_readable; /* values of the program's shape */
} program;

/* An input or constant of the program's shape, or one that is broadcast to it. */
static void add_leaf(program *p) {
    int64_t shape[AXES];
    int narrow = 0;
    for (int32_t i = 0; i < p->ndim; i++) {
        shape[i] = chance(5) == 0 ? 1 : p->shape[i];
        narrow |= shape[i] != p->shape[i];
    }
    uint32_t v = add_value(&p->x, p->type, p->ndim, shape);
    array *a = &p->arrays[v];
    make(a, p->type, p->ndim, shape);
    fill(a);
    /* All bits of the significand, so that a rounding too few or too many shows. */
    for (int64_t i = 0, n = dvt_size(&a->t); i < n; i++)
        if (p->type == DVT_TYPE_F32 || p->type == DVT_TYPE_F64)
            put(a, i, rounded(p->type, (double)chance(UINT64_C(1) << 40) / 0x1p39 * 1.3 - 1.3));
    if (chance(4) == 0) {
        p->x.values[v].flags = DVT_VALUE_CONSTANT;
        p->x.values[v].spec = a->t;
    } else {
        p->x.inputs[p->x.g.n_inputs++] = v;
    }
    double *all = malloc((size_t)p->size * sizeof *all);
    CHECK(all);
    for (int64_t i = 0; i < p->size; i++) {
        int64_t from = 0, rest = i, step = 1;
        for (int32_t k = p->ndim; k-- > 0; rest /= p->shape[k]) {
            from += shape[k] == 1 ? 0 : rest % p->shape[k] * step;
            step *= shape[k];
        }
        all[i] = get(a, from);
    }
    if (narrow) {
        const uint32_t wide = add_value(&p->x, p->type, p->ndim, p->shape);
        add_node(&p->x, "broadcast_to", 1, &v, wide);
        v = wide;
    }
    p->element[v] = all;
    p->readable[p->n_readable++] = v;
}

static void add_op(program *p) {
    const int two = chance(3) != 0;
    const char *op = two ? binary[chance(5)] : unary[chance(3)];
    const uint32_t in[2] = {p->readable[chance(p->n_readable)], p->readable[chance(p->n_readable)]};
    const uint32_t v = add_value(&p->x, p->type, p->ndim, p->shape);
    double *all = malloc((size_t)p->size * sizeof *all);
    CHECK(all);
    add_node(&p->x, op, two ? 2 : 1, in, v);
    for (int64_t i = 0; i < p->size; i++)
        all[i] = evaluate(p->type, op, p->element[in[0]][i], p->element[in[two]][i]);
    p->element[v] = all;
    p->readable[p->n_readable++] = v;
}

static void check_outputs(const program *p, const array *outputs) {
    const int exact = p->type != DVT_TYPE_F16 && p->type != DVT_TYPE_BF16;
    for (uint32_t o = 0; o < p->x.g.n_outputs; o++) {
        const double *expected = p->element[p->x.outputs[o]];
        for (int64_t i = 0; i < p->size; i++) {
            const double value = get(&outputs[o], i);
            if (exact)
                CHECK(value == expected[i] || (isnan(value) && isnan(expected[i])));
            else /* rounded once, at the end */
                CHECK(fabs(value - expected[i]) <= tolerance(p->type, expected[i], 1) ||
                      fabs(expected[i]) > 6e4);
        }
        check_gaps(&outputs[o]);
    }
}

static void execute(program *p) {
    const dvt_compile_desc desc = {.struct_size = sizeof desc, .graph = &p->x.g, .host = &host};
    dvt_executable *executable = NULL;
    dvt_executable_info info = {.struct_size = sizeof info};
    array outputs[MOST];
    const dvt_tensor *in[MOST], *out[MOST];
    host.n_threads = 1 + (uint32_t)chance(2);
    CHECK(plugin->graph->compile(&desc, &executable, &info, &error) == DVT_OK);
    for (uint32_t i = 0; i < p->x.g.n_inputs; i++) in[i] = &p->arrays[p->x.inputs[i]].t;
    for (uint32_t o = 0; o < p->x.g.n_outputs; o++) {
        make(&outputs[o], p->type, p->ndim, p->shape);
        out[o] = &outputs[o].t;
    }
    void *workspace = NULL;
    CHECK(posix_memalign(&workspace, 64, info.workspace_size) == 0);
    const dvt_call call = {.struct_size = sizeof call,
                           .host = &host,
                           .inputs = in,
                           .outputs = out,
                           .workspace = workspace,
                           .workspace_size = info.workspace_size,
                           .n_inputs = p->x.g.n_inputs,
                           .n_outputs = p->x.g.n_outputs};
    CHECK(plugin->graph->execute(executable, &call, &error) == DVT_OK);
    check_outputs(p, outputs);
    /* Once more on top of an input, where the program says that this is allowed. */
    array *input = p->x.g.n_inputs ? &p->arrays[p->x.inputs[0]] : NULL;
    if ((info.may_alias & 1) && dvt_contiguous_size(&input->t) == p->size) {
        out[0] = &input->t;
        CHECK(plugin->graph->execute(executable, &call, &error) == DVT_OK);
        array first = outputs[0];
        outputs[0] = *input;
        check_outputs(p, outputs);
        outputs[0] = first;
    }
    plugin->graph->destroy(executable);
    for (uint32_t o = 0; o < p->x.g.n_outputs; o++) free(outputs[o].bytes);
    free(workspace);
}

static void one_program(void) {
    static const dvt_type types[] = {DVT_TYPE_F32,  DVT_TYPE_F32, DVT_TYPE_F64, DVT_TYPE_F16,
                                     DVT_TYPE_BF16, DVT_TYPE_I32, DVT_TYPE_I8,  DVT_TYPE_U16};
    static const int64_t extents[] = {1, 2, 3, 7, 16, 33, 61};
    program *p = calloc(1, sizeof *p);
    CHECK(p);
    start(&p->x);
    p->type = types[chance(8)];
    p->ndim = (int32_t)chance(4);
    p->size = 1;
    for (int32_t i = 0; i < p->ndim; i++) p->size *= p->shape[i] = extents[chance(7)];
    for (uint64_t i = 0, n = 1 + chance(3); i < n; i++) add_leaf(p);
    /* Squares of squares leave the types: few ops in a chain keep the values in range. */
    for (uint64_t i = 0, n = 2 + chance(p->type == DVT_TYPE_F32 ? 20 : 4); i < n; i++) add_op(p);
    p->x.outputs[p->x.g.n_outputs++] = p->x.g.n_values - 1;
    for (uint32_t i = 0; i < p->n_readable; i++)
        if (chance(5) == 0) p->x.outputs[p->x.g.n_outputs++] = p->readable[i];
    execute(p);
    for (uint32_t v = 0; v < p->x.g.n_values; v++) {
        free(p->element[v]);
        free(p->arrays[v].bytes);
    }
    free(p);
}

/* astype to 16 bits and back rounds in a program too, where other 16-bit results stay wide. */
static void conversion_rounds(void) {
    static const dvt_dtype half = {DVT_FLOAT, 16, 1}, full = {DVT_FLOAT, 32, 1};
    const dvt_attr attrs[2] = {
        {.name = "dtype", .values = &half, .count = 1, .kind = DVT_ATTR_DTYPE},
        {.name = "dtype", .values = &full, .count = 1, .kind = DVT_ATTR_DTYPE}};
    const int64_t shape[1] = {1000};
    array in, out;
    graph *x = calloc(1, sizeof *x);
    CHECK(x);
    start(x);
    make(&in, DVT_TYPE_F32, 1, shape);
    make(&out, DVT_TYPE_F32, 1, shape);
    for (int64_t i = 0; i < shape[0]; i++) put(&in, i, 1 + (double)chance(1u << 20) / 0x1p20);
    x->inputs[x->g.n_inputs++] = add_value(x, DVT_TYPE_F32, 1, shape);
    for (uint32_t i = 0; i < 2; i++) {
        add_node(x, "astype", 1, &i, add_value(x, i ? DVT_TYPE_F32 : DVT_TYPE_F16, 1, shape));
        x->nodes[i].attrs = &attrs[i];
        x->nodes[i].n_attrs = 1;
    }
    x->outputs[x->g.n_outputs++] = 2;
    const dvt_compile_desc desc = {.struct_size = sizeof desc, .graph = &x->g, .host = &host};
    dvt_executable *executable = NULL;
    dvt_executable_info info = {.struct_size = sizeof info};
    CHECK(plugin->graph->compile(&desc, &executable, &info, &error) == DVT_OK);
    void *workspace = NULL;
    CHECK(posix_memalign(&workspace, 64, info.workspace_size) == 0);
    const dvt_tensor *from[1] = {&in.t}, *to[1] = {&out.t};
    const dvt_call call = {.struct_size = sizeof call,
                           .host = &host,
                           .inputs = from,
                           .outputs = to,
                           .workspace = workspace,
                           .workspace_size = info.workspace_size,
                           .n_inputs = 1,
                           .n_outputs = 1};
    CHECK(plugin->graph->execute(executable, &call, &error) == DVT_OK);
    for (int64_t i = 0; i < shape[0]; i++) /* 11 bits of significand, half to even */
        CHECK(get(&out, i) == nearbyint(get(&in, i) * 1024) / 1024);
    plugin->graph->destroy(executable);
    free(workspace);
    free(in.bytes);
    free(out.bytes);
    free(x);
}

/* ---- partition ------------------------------------------------------------------------------ */

/* A group is convex when nothing outside it both depends on it and is needed by it. */
static void check_convex(const graph *x, dvt_claim *const *claims) {
    uint8_t after[MOST][MOST] = {{0}}; /* after[g][n]: node n depends on group g from outside */
    uint32_t producer[MOST];
    memset(producer, 0xff, sizeof producer);
    for (uint32_t n = 0; n < x->g.n_nodes; n++) {
        for (uint32_t i = 0; i < x->nodes[n].n_inputs; i++) {
            const uint32_t p = producer[x->operands[n][i]];
            if (p == UINT32_MAX) continue;
            for (uint32_t g = 1; g < MOST; g++)
                after[g][n] |= after[g][p] || (claims[p]->group == g && claims[n]->group != g);
        }
        CHECK(claims[n]->group == 0 || !after[claims[n]->group][n]);
        CHECK(claims[n]->group != 0 || claims[n]->reason);
        producer[x->result[n]] = n;
    }
}

static void one_partition(void) {
    static const int64_t shapes[3][2] = {{4, 5}, {5, 4}, {4, 5}};
    graph *x = calloc(1, sizeof *x);
    dvt_claim rows[MOST] = {{0}}, *claims[MOST];
    uint32_t sizes[MOST] = {0};
    CHECK(x);
    start(x);
    for (uint32_t i = 0; i < 3; i++)
        x->inputs[x->g.n_inputs++] = add_value(x, DVT_TYPE_F32, 2, shapes[i]);
    while (x->g.n_values < MOST - 1) {
        const uint32_t a = (uint32_t)chance(x->g.n_values), b = (uint32_t)chance(x->g.n_values);
        const uint32_t in[2] = {a, b};
        const int same = memcmp(x->shapes[a], x->shapes[b], sizeof shapes[0]) == 0;
        if (chance(4) == 0)
            add_node(x, "opaque", 2, in, add_value(x, DVT_TYPE_F32, 2, shapes[chance(2)]));
        else
            add_node(x, same ? "add" : "negative", same ? 2 : 1, in,
                     add_value(x, DVT_TYPE_F32, 2, x->shapes[a]));
    }
    x->outputs[x->g.n_outputs++] = x->g.n_values - 1;
    for (uint32_t i = 0; i < MOST; i++) {
        rows[i].struct_size = sizeof(dvt_claim);
        claims[i] = &rows[i];
    }
    const dvt_compile_desc desc = {.struct_size = sizeof desc, .graph = &x->g, .host = &host};
    CHECK(plugin->graph->partition(&desc, claims, &error) == DVT_OK);
    check_convex(x, claims);
    for (uint32_t n = 0; n < x->g.n_nodes; n++) {
        CHECK(strcmp(x->nodes[n].op, "opaque") != 0 || rows[n].group == 0);
        sizes[rows[n].group]++;
    }
    for (uint32_t g = 1; g < MOST; g++) CHECK(sizes[g] != 1);
    free(x);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    for (int i = 0; i < 600; i++) one_program();
    conversion_rounds();
    for (int i = 0; i < 200; i++) one_partition();
    return 0;
}
