/* Random tile programs by both executors, code in registers and the interpreter, bit by bit; and op by op,
 * where no type is rounded between ops. Any numbers: infinities, NaN, subnormal and huge ones too.
 *
 * Usage: cpu_jit_test [LIBRARY [PROGRAMS]] */
#include "cpu_graph.h"

#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define WRITES_CODE 1
#define PROGRAMS 100000
#else
#define WRITES_CODE 0
#define PROGRAMS 1000
#endif

typedef struct form {
    const char *op, *kinds; /* result, then operands: t the program's float type, b bool */
    int twice;              /* float64 has code for it, too */
} form;

/* Without signbit: the sign of a NaN is nobody's promise. */
static const form forms[] = {
    {"add", "ttt", 1},         {"subtract", "ttt", 1},    {"multiply", "ttt", 1},
    {"divide", "ttt", 1},      {"maximum", "ttt", 1},     {"minimum", "ttt", 1},
    {"power", "ttt", 0},       {"negative", "tt", 1},     {"abs", "tt", 1},
    {"square", "tt", 1},       {"sign", "tt", 1},         {"reciprocal", "tt", 1},
    {"sqrt", "tt", 1},         {"rsqrt", "tt", 1},        {"exp", "tt", 1},
    {"log", "tt", 1},          {"log1p", "tt", 1},        {"expm1", "tt", 1},
    {"sin", "tt", 1},          {"cos", "tt", 1},          {"tan", "tt", 1},
    {"tanh", "tt", 1},         {"sinh", "tt", 1},         {"cosh", "tt", 1},
    {"asin", "tt", 1},         {"acos", "tt", 1},         {"atan", "tt", 1},
    {"asinh", "tt", 1},        {"acosh", "tt", 1},        {"atanh", "tt", 1},
    {"exp2", "tt", 1},         {"log2", "tt", 1},         {"log10", "tt", 1},
    {"cbrt", "tt", 1},         {"erf", "tt", 0},          {"erfinv", "tt", 0},
    {"sigmoid", "tt", 1},      {"floor", "tt", 1},        {"ceil", "tt", 1},
    {"trunc", "tt", 1},        {"round", "tt", 1},        {"relu", "tt", 1},
    {"silu", "tt", 1},         {"gelu", "tt", 0},         {"softplus", "tt", 1},
    {"isnan", "bt", 1},        {"isinf", "bt", 1},        {"isfinite", "bt", 1},
    {"equal", "btt", 1},       {"not_equal", "btt", 1},   {"less", "btt", 1},
    {"less_equal", "btt", 1},  {"greater", "btt", 1},     {"greater_equal", "btt", 1},
    {"logical_not", "bb", 1},  {"logical_and", "bbb", 1}, {"logical_or", "bbb", 1},
    {"logical_xor", "bbb", 1}, {"bitwise_and", "bbb", 1}, {"bitwise_or", "bbb", 1},
    {"bitwise_xor", "bbb", 1}, {"where", "tbtt", 1},      {"where", "bbbb", 1},
};
#define FORMS (sizeof forms / sizeof *forms)

typedef struct program {
    graph x;
    dvt_type type, types[MOST]; /* of each value */
    int32_t ndim;
    int64_t shape[AXES], size;
    array arrays[MOST];                  /* of inputs and constants */
    uint32_t readable[MOST], n_readable; /* values of the program's shape */
} program;

/* Bits of a number of any kind. */
static uint64_t some_bits(dvt_type type) {
    static const double ends[] = {0.0,   -0.0, 1.0,    -1.0,  0.5,      3.0,       -2.5,  1e-3,
                                  40.0,  -90., 1000.0, 1e6,   -1e9,     1e30,      1e300, -1e-310,
                                  1e-42, 88.7, 709.7,  1e-20, INFINITY, -INFINITY, NAN};
    const uint64_t any = chance(UINT64_C(1) << 52) << 12 ^ chance(UINT64_C(1) << 40);
    double value = ends[chance(sizeof ends / sizeof *ends)];
    if (type == DVT_TYPE_BOOL) return any & 1;
    if (chance(8) == 0) return any;
    if (chance(3)) value = (double)(int64_t)any / 0x1p61;
    if (type == DVT_TYPE_F64) {
        uint64_t bits;
        memcpy(&bits, &value, sizeof bits);
        return bits;
    }
    const float single = (float)value;
    uint32_t bits;
    memcpy(&bits, &single, sizeof bits);
    if (type == DVT_TYPE_BF16) return bits >> 16;
    if (type == DVT_TYPE_F32) return bits;
    return any & 0xffff;
}

static void fill_any(const array *a) {
    for (int64_t i = 0, n = dvt_size(&a->t); i < n; i++) {
        const uint64_t bits = some_bits(a->type);
        memcpy(element(a, i), &bits, dvt_type_size(a->type)); /* little-endian */
    }
}

static void add_leaf(program *p, dvt_type type) {
    int64_t shape[AXES];
    int narrow = 0;
    const int scalar = chance(4) == 0;
    for (int32_t i = 0; i < p->ndim; i++) {
        shape[i] = scalar || chance(6) == 0 ? 1 : p->shape[i];
        narrow |= shape[i] != p->shape[i];
    }
    uint32_t v = add_value(&p->x, type, p->ndim, shape);
    array *a = &p->arrays[v];
    p->types[v] = type;
    make(a, type, p->ndim, shape);
    fill_any(a);
    if (chance(4) == 0) {
        p->x.values[v].flags = DVT_VALUE_CONSTANT;
        p->x.values[v].spec = a->t;
    } else {
        p->x.inputs[p->x.g.n_inputs++] = v;
    }
    if (narrow) {
        const uint32_t wide = add_value(&p->x, type, p->ndim, p->shape);
        add_node(&p->x, "broadcast_to", 1, &v, wide);
        p->types[v = wide] = type;
    }
    p->readable[p->n_readable++] = v;
}

/* A readable value of a kind, or none. */
static int pick(const program *p, char kind, uint32_t *value) {
    for (int tries = 0; tries < 8; tries++) {
        *value = p->readable[chance(p->n_readable)];
        if ((p->types[*value] == DVT_TYPE_BOOL) == (kind == 'b')) return 1;
    }
    return 0;
}

static int add_op(program *p) {
    const form *f = &forms[chance(FORMS)];
    const uint32_t count = (uint32_t)strlen(f->kinds) - 1;
    uint32_t in[3];
    if (p->type == DVT_TYPE_F64 && !f->twice) return 0;
    for (uint32_t i = 0; i < count; i++)
        if (!pick(p, f->kinds[i + 1], &in[i])) return 0;
    const dvt_type type = f->kinds[0] == 'b' ? DVT_TYPE_BOOL : p->type;
    const uint32_t v = add_value(&p->x, type, p->ndim, p->shape);
    add_node(&p->x, f->op, count, in, v);
    p->types[v] = type;
    p->readable[p->n_readable++] = v;
    return 1;
}

typedef struct executor {
    dvt_executable *executable;
    dvt_executable_info info;
    void *workspace;
} executor;

static executor compile(const graph *x, int64_t jit) {
    const dvt_attr option = {.name = "jit", .values = &jit, .count = 1, .kind = DVT_ATTR_INT64};
    const dvt_compile_desc desc = {.struct_size = sizeof desc,
                                   .graph = &x->g,
                                   .options = &option,
                                   .host = &host,
                                   .n_options = 1};
    executor e = {.info = {.struct_size = sizeof e.info}};
    CHECK(plugin->graph->compile(&desc, &e.executable, &e.info, &error) == DVT_OK);
    CHECK(posix_memalign(&e.workspace, 64, e.info.workspace_size) == 0);
    return e;
}

static void run(const executor *e, const graph *x, const dvt_tensor **in, const dvt_tensor **out) {
    const dvt_call call = {.struct_size = sizeof call,
                           .host = &host,
                           .inputs = in,
                           .outputs = out,
                           .workspace = e->workspace,
                           .workspace_size = e->info.workspace_size,
                           .n_inputs = x->g.n_inputs,
                           .n_outputs = x->g.n_outputs};
    CHECK(plugin->graph->execute(e->executable, &call, &error) == DVT_OK);
}

static void end(executor *e) {
    plugin->graph->destroy(e->executable);
    free(e->workspace);
}

static void check_equal(const program *p, uint32_t o, const array *a, const array *b,
                        const char *listing) {
    for (int64_t i = 0; i < p->size; i++) {
        const int same = memcmp(element(a, i), element(b, i), dvt_type_size(a->type)) == 0;
        if (same || (a->type != DVT_TYPE_BOOL && isnan(get(a, i)) && isnan(get(b, i)))) continue;
        for (uint32_t n = 0; n < p->x.g.n_nodes; n++)
            fprintf(stderr, "value %u = %s(%u, %u, %u)\n", p->x.result[n], p->x.nodes[n].op,
                    p->x.operands[n][0], p->x.operands[n][1], p->x.operands[n][2]);
        fprintf(stderr, "value %u, element %d of %d: %.9g in registers, %.9g otherwise\n%s",
                p->x.outputs[o], (int)i, (int)p->size, get(a, i), get(b, i), listing);
        exit(1);
    }
    check_gaps(a);
}

static void compare(program *p) {
    array outputs[2][MOST];
    const dvt_tensor *in[MOST], *out[2][MOST];
    const uint32_t n = p->x.g.n_outputs;
    host.n_threads = 1 + (uint32_t)chance(2);
    executor code = compile(&p->x, 1), interpreter = compile(&p->x, 0);
    CHECK(strncmp(interpreter.info.description, "a tile program, interpreted", 27) == 0);
    if (WRITES_CODE && strncmp(code.info.description, "a tile program in registers", 27) != 0) {
        fprintf(stderr, "%s\n", code.info.description);
        exit(1);
    }
    for (uint32_t i = 0; i < p->x.g.n_inputs; i++) in[i] = &p->arrays[p->x.inputs[i]].t;
    for (uint32_t o = 0; o < n; o++)
        for (int e = 0; e < 2; e++) {
            make(&outputs[e][o], p->types[p->x.outputs[o]], p->ndim, p->shape);
            out[e][o] = &outputs[e][o].t;
        }
    run(&code, &p->x, in, out[0]);
    run(&interpreter, &p->x, in, out[1]);
    for (uint32_t o = 0; o < n; o++)
        check_equal(p, o, &outputs[0][o], &outputs[1][o], code.info.description);
    /* Once more on top of an input, where the program says that this is allowed. */
    CHECK(code.info.may_alias == interpreter.info.may_alias);
    for (uint32_t i = 0; i < p->x.g.n_inputs && i < 8; i++) {
        const array input = p->arrays[p->x.inputs[i]];
        if (!(code.info.may_alias >> i & 1) || dvt_contiguous_size(&input.t) != p->size) continue;
        out[0][0] = &input.t;
        run(&code, &p->x, in, out[0]);
        check_equal(p, 0, &input, &outputs[1][0], code.info.description);
        for (uint32_t o = 1; o < n; o++)
            check_equal(p, o, &outputs[0][o], &outputs[1][o], code.info.description);
        break;
    }
    end(&code);
    end(&interpreter);
    for (uint32_t o = 0; o < n; o++)
        for (int e = 0; e < 2; e++) free(outputs[e][o].bytes);
}

static void one_program(void) {
    static const dvt_type types[] = {DVT_TYPE_F32, DVT_TYPE_F32, DVT_TYPE_F64, DVT_TYPE_F16,
                                     DVT_TYPE_BF16};
    static const int64_t extents[] = {1, 2, 3, 8, 16, 33};
    program *p = calloc(1, sizeof *p);
    CHECK(p);
    start(&p->x);
    p->type = types[chance(5)];
    p->ndim = (int32_t)chance(4);
    p->size = 1;
    for (int32_t i = 0; i < p->ndim; i++) {
        const int64_t extent = extents[chance(6)];
        p->shape[i] = p->size * extent > 1200 ? 1 : extent;
        p->size *= p->shape[i];
    }
    /* Now and then more of them than there are registers for pointers. */
    const uint64_t leaves = chance(10) == 0 ? 12 : 1 + chance(3);
    add_leaf(p, p->type);
    for (uint64_t i = 0; i < leaves; i++) add_leaf(p, chance(5) ? p->type : DVT_TYPE_BOOL);
    const uint32_t first = p->x.g.n_nodes;
    const uint64_t wanted = 1 + chance(chance(3) ? 12 : 24);
    while (p->x.g.n_nodes < first + wanted && p->x.g.n_values < MOST - 1) add_op(p);
    p->x.outputs[p->x.g.n_outputs++] = p->x.g.n_values - 1;
    for (uint32_t i = 0; i < p->n_readable; i++)
        if (chance(5) == 0) p->x.outputs[p->x.g.n_outputs++] = p->readable[i];
    compare(p);
    for (uint32_t v = 0; v < p->x.g.n_values; v++) free(p->arrays[v].bytes);
    free(p);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    const int programs = argc > 2 ? atoi(argv[2]) : PROGRAMS;
    for (int i = 0; i < programs; i++) one_program();
    printf("%d programs\n", programs);
    return 0;
}
