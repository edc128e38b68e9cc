/* A sample of the CPU device's kernels on odd shapes, layouts with guarded gaps, empty and 0-d
 * arrays, each against its definition written as a loop. */
#include "cpu_products_host.h"

static const dvt_type all_types[] = {DVT_TYPE_BOOL, DVT_TYPE_I8,  DVT_TYPE_I16,  DVT_TYPE_I32,
                                     DVT_TYPE_I64,  DVT_TYPE_U8,  DVT_TYPE_U16,  DVT_TYPE_U32,
                                     DVT_TYPE_U64,  DVT_TYPE_F16, DVT_TYPE_BF16, DVT_TYPE_F32,
                                     DVT_TYPE_F64};

static dvt_type any_type(void) {
    return all_types[chance(DVT_N_TYPES)];
}
static dvt_type any_number(void) {
    return all_types[1 + chance(DVT_N_TYPES - 1)];
}
static dvt_type any_float(void) {
    return all_types[9 + chance(4)];
}

static int32_t any_shape(int64_t *shape) {
    static const int64_t extents[] = {1, 2, 3, 5, 7, 8, 16, 17, 31, 33, 70};
    const int32_t ndim = (int32_t)chance(5);
    for (int32_t i = 0; i < ndim; i++)
        shape[i] = chance(20) == 0 ? 0 : extents[chance(ndim > 2 ? 7 : 11)];
    return ndim;
}

/* For rows that take contiguous operands only. */
static void make_plain(array *x, dvt_type type, int32_t ndim, const int64_t *shape) {
    make(x, type, ndim, shape);
    while (dvt_contiguous_size(&x->t) < 0) {
        free(x->bytes);
        make(x, type, ndim, shape);
    }
}

/* An operand that repeats along some axes, as broadcasting makes them. */
static void repeat(array *x) {
    for (int32_t i = 0; i < x->t.ndim; i++)
        if (chance(4) == 0 && x->strides[i] > 0) x->strides[i] = 0;
}

static int close_to(const array *y, int64_t i, double wanted, double scale) {
    const double got = get(y, i);
    if (isnan(wanted) || isinf(wanted)) return got == wanted || (isnan(got) && isnan(wanted));
    return is_float(y->type) ? fabs(got - wanted) <= tolerance(y->type, wanted, scale)
                             : got == wanted;
}

/* ---- element by element --------------------------------------------------------------------- */

static double add(double x, double y) {
    return x + y;
}
static double subtract(double x, double y) {
    return x - y;
}
static double less(double x, double y) {
    return x < y;
}
static double equal(double x, double y) {
    return x == y;
}
static double identity(double x) {
    return x;
}
static double square(double x) {
    return x * x;
}

static void one_binary(void) {
    static const struct {
        const char *name;
        double (*exact)(double, double);
        int test;
    } ops[] = {{"add", add, 0},   {"maximum", fmax, 0}, {"minimum", fmin, 0},
               {"less", less, 1}, {"equal", equal, 1},  {"subtract", subtract, 0}};
    const uint64_t op = chance(6);
    const dvt_type type = any_number();
    int64_t shape[AXES];
    int32_t ndim = any_shape(shape);
    if (chance(6) == 0) { /* large enough for tiles where an operand is transposed */
        ndim = 2;
        shape[0] = 60 + (int64_t)chance(90);
        shape[1] = 70 + (int64_t)chance(300);
    }
    array x, y, z;
    make(&x, type, ndim, shape);
    make(&y, type, ndim, shape);
    make(&z, ops[op].test ? DVT_TYPE_BOOL : type, ndim, shape);
    fill(&x);
    fill(&y);
    repeat(&x);
    repeat(&y);
    const array *in[2] = {&x, &y}, *out[1] = {&z};
    run_op(ops[op].name, in, 2, out, 1, NULL, 0);
    for (int64_t i = 0, n = dvt_size(&z.t); i < n; i++) {
        const double wanted = ops[op].exact(get(&x, i), get(&y, i));
        const int wraps = !is_float(z.type) && wanted < 0;
        CHECK(wraps ? same_bits(&z, i, (int64_t)wanted) : close_to(&z, i, wanted, 1));
    }
    free(x.bytes);
    free(y.bytes);
    free(z.bytes);
}

static void one_unary(void) {
    static const struct {
        const char *name;
        double (*exact)(double);
    } ops[] = {{"exp", exp},     {"tanh", tanh},     {"erf", erf},       {"sin", sin}, {"log", log},
               {"floor", floor}, {"square", square}, {"copy", identity}, {"abs", fabs}};
    const uint64_t op = chance(9);
    const dvt_type type = any_float();
    int64_t shape[AXES];
    const int32_t ndim = any_shape(shape);
    array x, y;
    make(&x, type, ndim, shape);
    make(&y, type, ndim, shape);
    fill(&x);
    repeat(&x);
    const array *in[1] = {&x}, *out[1] = {&y};
    run_op(ops[op].name, in, 1, out, 1, NULL, 0);
    for (int64_t i = 0, n = dvt_size(&y.t); i < n; i++)
        CHECK(close_to(&y, i, ops[op].exact(get(&x, i)), 1));
    free(x.bytes);
    free(y.bytes);
}

static void one_choice(void) {
    const dvt_type type = any_type(), other = any_type();
    int64_t shape[AXES];
    const int32_t ndim = any_shape(shape);
    array c, x, y, z, w;
    make(&c, DVT_TYPE_BOOL, ndim, shape);
    make(&x, type, ndim, shape);
    make(&y, type, ndim, shape);
    make(&z, type, ndim, shape);
    make(&w, other, ndim, shape);
    fill(&c);
    fill(&x);
    fill(&y);
    const array *in[3] = {&c, &x, &y}, *out[1] = {&z}, *cast_in[1] = {&z}, *cast_out[1] = {&w};
    run_op("where", in, 3, out, 1, NULL, 0);
    const dvt_attr dtype = {
        .name = "dtype", .values = &dtypes[other], .count = 1, .kind = DVT_ATTR_DTYPE};
    run_op("astype", cast_in, 1, cast_out, 1, &dtype, 1);
    for (int64_t i = 0, n = dvt_size(&z.t); i < n; i++) {
        const double chosen = get(get(&c, i) != 0 ? &x : &y, i);
        CHECK(get(&z, i) == chosen);
        const int is_unsigned = other >= DVT_TYPE_U8 && other <= DVT_TYPE_U64;
        const double whole = is_float(other)                    ? chosen
                             : other == DVT_TYPE_BOOL           ? chosen != 0
                             : is_unsigned && trunc(chosen) < 0 ? 0
                                                                : trunc(chosen);
        CHECK(get(&w, i) == whole);
    }
    free(c.bytes);
    free(x.bytes);
    free(y.bytes);
    free(z.bytes);
    free(w.bytes);
}

/* ---- along axes ----------------------------------------------------------------------------- */

static void one_reduction(void) {
    static const char *const names[] = {"sum", "max", "min", "mean", "logsumexp"};
    const uint64_t op = chance(5);
    const dvt_type type = op >= 3 ? any_float() : any_number();
    int64_t shape[AXES], kept[AXES], axes[AXES];
    const int32_t ndim = any_shape(shape);
    int64_t n_axes = 0, each = 1;
    for (int32_t i = 0; i < ndim; i++) {
        const int gone = chance(2) == 0;
        kept[i] = gone ? 1 : shape[i];
        if (gone) axes[n_axes++] = i, each *= shape[i];
    }
    array x, y;
    (op == 4 ? make_plain : make)(&x, type, ndim, shape);
    make_plain(&y, type, ndim, kept);
    fill(&x);
    const array *in[1] = {&x}, *out[1] = {&y};
    const int64_t keepdims = 1, outputs = dvt_size(&y.t);
    const dvt_attr attrs[2] = {
        {.name = "axis", .values = axes, .count = (uint64_t)n_axes, .kind = 1, .is_list = 1},
        SCALAR("keepdims", &keepdims)};
    if (each > 0 || op == 0) {
        run_op(names[op], in, 1, out, 1, attrs, 2);
        double *wanted = calloc((size_t)outputs + 1, sizeof *wanted);
        CHECK(wanted);
        for (int64_t i = 0; i < outputs; i++)
            wanted[i] = op == 1 ? -INFINITY : op == 2 ? INFINITY : 0;
        for (int64_t i = 0, n = dvt_size(&x.t); i < n; i++) {
            int64_t rest = i, to = 0, step = 1;
            for (int32_t a = ndim; a-- > 0; rest /= shape[a], step *= kept[a])
                to += kept[a] == 1 ? 0 : rest % shape[a] * step;
            const double v = get(&x, i);
            wanted[to] = op == 1   ? fmax(wanted[to], v)
                         : op == 2 ? fmin(wanted[to], v)
                         : op == 4 ? wanted[to] + exp(v)
                                   : wanted[to] + v;
        }
        for (int64_t i = 0; i < outputs; i++) {
            const double value = op == 3   ? wanted[i] / (double)each
                                 : op == 4 ? log(wanted[i])
                                           : wanted[i];
            CHECK(is_float(type) ? close_to(&y, i, value, (double)each)
                                 : same_bits(&y, i, (int64_t)value));
        }
        free(wanted);
    }
    free(x.bytes);
    free(y.bytes);
}

/* Two threads give the bits of one, also where an output is cut into parts. */
static void same_on_two_threads(void) {
    const int64_t shapes[][2] = {{1, 300001}, {2500, 130}, {70001, 5}};
    for (size_t s = 0; s < 3; s++)
        for (int64_t axis = 0; axis < 2; axis++) {
            const int64_t kept[1] = {shapes[s][1 - axis]};
            const dvt_attr attr = {
                .name = "axis", .values = &axis, .count = 1, .kind = 1, .is_list = 1};
            array x, y[2];
            make_plain(&x, DVT_TYPE_F32, 2, shapes[s]);
            fill(&x);
            for (uint32_t k = 0; k < 2; k++) {
                const array *in[1] = {&x}, *out[1] = {&y[k]};
                make_plain(&y[k], DVT_TYPE_F32, 1, kept);
                host.n_threads = k + 1;
                run_op("sum", in, 1, out, 1, &attr, 1);
            }
            CHECK(memcmp(y[0].bytes, y[1].bytes, y[0].size) == 0);
            free(x.bytes);
            free(y[0].bytes);
            free(y[1].bytes);
        }
}

static void one_search(void) {
    const dvt_type type = any_number();
    int64_t shape[AXES], kept[AXES];
    const int32_t ndim = any_shape(shape);
    if (ndim == 0) return;
    const int64_t axis = (int64_t)chance((uint64_t)ndim), keepdims = 1;
    for (int32_t i = 0; i < ndim; i++) kept[i] = i == axis ? 1 : shape[i];
    if (shape[axis] == 0) return;
    array x, y;
    make(&x, type, ndim, shape);
    make_plain(&y, DVT_TYPE_I64, ndim, kept);
    fill(&x);
    const array *in[1] = {&x}, *out[1] = {&y};
    const dvt_attr attrs[2] = {SCALAR("axis", &axis), SCALAR("keepdims", &keepdims)};
    run_op("argmax", in, 1, out, 1, attrs, 2);
    int64_t inner = 1;
    for (int32_t i = ndim; --i > axis;) inner *= shape[i];
    for (int64_t i = 0, n = dvt_size(&y.t); i < n; i++) {
        const int64_t first = i / inner * inner * shape[axis] + i % inner;
        int64_t best = 0;
        for (int64_t k = 1; k < shape[axis]; k++)
            if (get(&x, first + k * inner) > get(&x, first + best * inner)) best = k;
        CHECK(same_bits(&y, i, best));
    }
    free(x.bytes);
    free(y.bytes);
}

static void one_softmax(void) {
    const dvt_type type = any_float();
    int64_t shape[AXES];
    const int32_t ndim = any_shape(shape);
    if (ndim == 0) return;
    const int64_t axis = (int64_t)chance((uint64_t)ndim);
    array x, y;
    make_plain(&x, type, ndim, shape);
    make_plain(&y, type, ndim, shape);
    fill(&x);
    const array *in[1] = {&x}, *out[1] = {&y};
    const dvt_attr attr = SCALAR("axis", &axis);
    run_op("softmax", in, 1, out, 1, &attr, 1);
    int64_t inner = 1;
    for (int32_t i = ndim; --i > axis;) inner *= shape[i];
    for (int64_t i = 0, n = dvt_size(&y.t); i < n; i++) {
        const int64_t first = i / (inner * shape[axis]) * inner * shape[axis] + i % inner;
        double sum = 0;
        for (int64_t k = 0; k < shape[axis]; k++) sum += exp(get(&x, first + k * inner));
        CHECK(close_to(&y, i, exp(get(&x, i)) / sum, 1));
    }
    free(x.bytes);
    free(y.bytes);
}

static void one_layer_norm(void) {
    const dvt_type type = any_float();
    const int64_t shape[2] = {1 + (int64_t)chance(5), 1 + (int64_t)chance(1500)};
    const double epsilon = 1e-3;
    array x, s, b, y;
    make_plain(&x, type, 2, shape);
    make_plain(&s, type, 1, shape + 1);
    make_plain(&b, type, 1, shape + 1);
    make_plain(&y, type, 2, shape);
    fill(&x);
    fill(&s);
    fill(&b);
    const array *in[3] = {&x, &s, &b}, *out[1] = {&y};
    const dvt_attr attr = {
        .name = "epsilon", .values = &epsilon, .count = 1, .kind = DVT_ATTR_FLOAT64};
    run_op("layer_norm", in, 3, out, 1, &attr, 1);
    for (int64_t r = 0; r < shape[0]; r++) {
        double mean = 0, square = 0;
        for (int64_t i = 0; i < shape[1]; i++) mean += get(&x, r * shape[1] + i) / (double)shape[1];
        for (int64_t i = 0; i < shape[1]; i++)
            square += pow(get(&x, r * shape[1] + i) - mean, 2) / (double)shape[1];
        for (int64_t i = 0; i < shape[1]; i++) {
            const double wanted = (get(&x, r * shape[1] + i) - mean) / sqrt(square + epsilon);
            CHECK(close_to(&y, r * shape[1] + i, wanted * get(&s, i) + get(&b, i), 4));
        }
    }
    free(x.bytes);
    free(s.bytes);
    free(b.bytes);
    free(y.bytes);
}

/* ---- errors --------------------------------------------------------------------------- */

static void empty_maximum_is_an_error(void) {
    const int64_t shape[2] = {3, 0};
    const int64_t axis = 1;
    array x, y;
    make_plain(&x, DVT_TYPE_F32, 2, shape);
    make_plain(&y, DVT_TYPE_F32, 1, shape);
    const dvt_tensor *in[1] = {&x.t}, *out[1] = {&y.t};
    const dvt_attr attr = {.name = "axis", .values = &axis, .count = 1, .kind = 1, .is_list = 1};
    const dvt_kernel_def *row = find_row("max");
    CHECK(row);
    const dvt_op op = {.struct_size = sizeof op,
                       .name = "max",
                       .version = 1,
                       .n_inputs = 1,
                       .n_outputs = 1,
                       .n_attrs = 1,
                       .inputs = in,
                       .outputs = out,
                       .attrs = &attr,
                       .host = &host};
    dvt_kernel_info info = {.struct_size = sizeof info};
    CHECK(row->prepare(&op, &info, &error) == DVT_OK);
    const dvt_call call = {.struct_size = sizeof call,
                           .host = &host,
                           .kernel = info.kernel,
                           .inputs = in,
                           .outputs = out,
                           .attrs = &attr,
                           .n_inputs = 1,
                           .n_outputs = 1,
                           .n_attrs = 1};
    CHECK(info.run(&call, &error) == DVT_INVALID_ARGUMENT);
    CHECK(error.code == DVT_INVALID_ARGUMENT && strstr(error.message, "max: "));
    free(x.bytes);
    free(y.bytes);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    for (int i = 0; i < 300; i++) {
        host.n_threads = 1 + (uint32_t)chance(2);
        one_binary();
        one_unary();
        one_choice();
        one_reduction();
        one_search();
        one_softmax();
    }
    for (int i = 0; i < 20; i++) one_layer_norm();
    same_on_two_threads();
    empty_maximum_is_an_error();
    return 0;
}
