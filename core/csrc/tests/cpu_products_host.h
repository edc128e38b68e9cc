/* What the tests of products and tile programs share: a host with real threads, arrays of random
 * layout with guarded gaps, and a way to run one op through the plugin's own table. */
#ifndef DVT_TESTS_CPU_PRODUCTS_HOST_H
#define DVT_TESTS_CPU_PRODUCTS_HOST_H

#include <dlfcn.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dovetail.h"
#include "element.h"

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

#define AXES 6
#define LACKS_INSTRUCTIONS 77

static uint64_t seed = 0x9e3779b97f4a7c15u;

static inline uint64_t chance(uint64_t below) {
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (seed >> 11) % below;
}

/* ---- the host ------------------------------------------------------------------------------- */

typedef struct piece {
    dvt_range_fn fn;
    void *context;
    uint64_t begin, end;
    uint32_t worker;
} piece;

static void *run_piece(void *context) {
    const piece *p = context;
    p->fn(p->context, p->begin, p->end, p->worker);
    return NULL;
}

/* A new thread per call: slow, and the sanitizers see every access of two threads. */
static void parallel_for(const dvt_host *host, uint64_t n, uint64_t grain, dvt_range_fn fn,
                         void *context) {
    pthread_t thread;
    piece half = {fn, context, n / 2, n, 1};
    if (host->n_threads < 2 || n < 2 || n < grain) {
        fn(context, 0, n, 0);
        return;
    }
    CHECK(pthread_create(&thread, NULL, run_piece, &half) == 0);
    fn(context, 0, n / 2, 0);
    CHECK(pthread_join(thread, NULL) == 0);
}

static dvt_host host = {.struct_size = sizeof(dvt_host),
                        .abi_version = DVT_ABI_VERSION,
                        .n_threads = 2,
                        .name = "test",
                        .version = "0",
                        .parallel_for = parallel_for};
static const dvt_plugin *plugin;
static dvt_error error = {.struct_size = sizeof(dvt_error)};

/* The linked plugin, or the library named on the command line. Ends the program with 77 when this
 * machine lacks what the variant is built for. */
static inline void open_plugin(int argc, char **argv) {
#if defined(__x86_64__)
    const char *variant = DVT_CPU_VARIANT;
    __builtin_cpu_init();
    if ((strcmp(variant, "avx2") == 0 && !__builtin_cpu_supports("avx2")) ||
        (strcmp(variant, "avx512") == 0 && !__builtin_cpu_supports("avx512vnni")))
        exit(LACKS_INSTRUCTIONS);
#endif
    dvt_plugin_query_fn query = DVT_PLUGIN_QUERY;
    if (argc > 1) {
        void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
        CHECK(library);
        void *symbol = dlsym(library, "dvt_plugin_query");
        memcpy(&query, &symbol, sizeof query);
    }
    CHECK(query);
    plugin = query(DVT_ABI_VERSION, DVT_ABI_VERSION, &host, &error);
    CHECK(plugin);
}

/* ---- arrays --------------------------------------------------------------------------------- */

typedef struct array {
    dvt_tensor t;
    dvt_type type;
    int64_t shape[AXES], strides[AXES];
    unsigned char *bytes;
    size_t size;
} array;

static const dvt_dtype dtypes[DVT_N_TYPES] = {
    {DVT_BOOL, 8, 1},  {DVT_INT, 8, 1},    {DVT_INT, 16, 1},    {DVT_INT, 32, 1},
    {DVT_INT, 64, 1},  {DVT_UINT, 8, 1},   {DVT_UINT, 16, 1},   {DVT_UINT, 32, 1},
    {DVT_UINT, 64, 1}, {DVT_FLOAT, 16, 1}, {DVT_BFLOAT, 16, 1}, {DVT_FLOAT, 32, 1},
    {DVT_FLOAT, 64, 1}};

static inline int is_float(dvt_type type) {
    return type >= DVT_TYPE_F16;
}

/* Any order of axes, gaps between elements, and steps backwards, or contiguous. */
static inline void make(array *x, dvt_type type, int32_t ndim, const int64_t *shape) {
    const int64_t size = (int64_t)dvt_type_size(type);
    int32_t order[AXES];
    int64_t stride = 1, first = 0, last = 0;
    const int plain = chance(3) == 0;
    for (int32_t i = 0; i < ndim; i++) {
        order[i] = ndim - 1 - i;
        if (!plain && i > 0 && chance(2)) {
            const int32_t j = (int32_t)chance((uint64_t)i + 1), old = order[i];
            order[i] = order[j];
            order[j] = old;
        }
    }
    for (int32_t i = 0; i < ndim; i++) {
        const int32_t axis = order[i];
        if (!plain && chance(4) == 0) stride *= 2;
        x->shape[axis] = shape[axis];
        x->strides[axis] = !plain && chance(6) == 0 ? -stride : stride;
        const int64_t reach = shape[axis] > 0 ? (shape[axis] - 1) * x->strides[axis] : 0;
        first += reach < 0 ? reach : 0;
        last += reach > 0 ? reach : 0;
        stride = (stride < 0 ? -stride : stride) * (shape[axis] > 0 ? shape[axis] : 1);
        if (!plain && chance(4) == 0) stride += 1 + (int64_t)chance(3);
    }
    x->type = type;
    x->size = (size_t)((last - first + 1) * size);
    x->bytes = malloc(x->size);
    CHECK(x->bytes);
    memset(x->bytes, 0xa5, x->size);
    x->t = (dvt_tensor){.data = x->bytes,
                        .place = {DVT_PLACE_CPU, 0},
                        .ndim = ndim,
                        .dtype = dtypes[type],
                        .shape = x->shape,
                        .strides = x->strides,
                        .byte_offset = (uint64_t)(-first * size)};
}

static inline unsigned char *element(const array *x, int64_t flat) {
    unsigned char *at = x->bytes + x->t.byte_offset;
    for (int32_t i = x->t.ndim; i-- > 0;) {
        at += flat % x->shape[i] * x->strides[i] * (int64_t)dvt_type_size(x->type);
        flat /= x->shape[i];
    }
    return at;
}

/* Naive conversions of the 16-bit floats, by the definition of the formats. */
static inline double widen(uint16_t bits, int exponent_bits) {
    const int fraction_bits = 15 - exponent_bits, bias = (1 << (exponent_bits - 1)) - 1;
    const int exponent = bits >> fraction_bits & ((1 << exponent_bits) - 1);
    const int fraction = bits & ((1 << fraction_bits) - 1);
    double value = exponent == 0
                       ? ldexp(fraction, 1 - bias - fraction_bits)
                       : ldexp(fraction + (1 << fraction_bits), exponent - bias - fraction_bits);
    if (exponent == (1 << exponent_bits) - 1) value = fraction ? NAN : INFINITY;
    return bits & 0x8000 ? -value : value;
}

static inline double get(const array *x, int64_t flat) {
    const unsigned char *at = element(x, flat);
#define GET(end, END, c_type)                                                                      \
    if (x->type == DVT_TYPE_##END) {                                                               \
        c_type value;                                                                              \
        memcpy(&value, at, sizeof value);                                                          \
        return (double)value;                                                                      \
    }
    DVT_INTEGER_TYPES(GET)
    DVT_REAL_TYPES(GET)
    uint16_t half;
    if (x->type == DVT_TYPE_BOOL) return *at;
    memcpy(&half, at, sizeof half);
    return widen(half, x->type == DVT_TYPE_F16 ? 5 : 8);
}

/* value fits the type: tests use small integers and multiples of 1/8. */
static inline void put(const array *x, int64_t flat, double value) {
    unsigned char *at = element(x, flat);
#define PUT(end, END, c_type)                                                                      \
    if (x->type == DVT_TYPE_##END) {                                                               \
        const c_type stored = (c_type)value;                                                       \
        memcpy(at, &stored, sizeof stored);                                                        \
        return;                                                                                    \
    }
    DVT_INTEGER_TYPES(PUT)
    DVT_REAL_TYPES(PUT)
    if (x->type == DVT_TYPE_BOOL) {
        *at = value != 0;
        return;
    }
    for (uint32_t bits = 0; bits < 0x10000; bits += 8) {
        const uint16_t half = (uint16_t)bits;
        if (widen(half, x->type == DVT_TYPE_F16 ? 5 : 8) == value) {
            memcpy(at, &half, sizeof half);
            return;
        }
    }
    CHECK(!"a value that the type holds");
}

/* Random multiples of 1/8 within [-2, 2): every type of float holds them, and they come from a
 * table since `put` searches. */
static inline void fill(const array *x) {
    static uint16_t halves[2][32];
    static int ready;
    array one;
    if (!ready) {
        const int64_t shape[1] = {1};
        for (int kind = 0; kind < 2; kind++)
            for (int i = 0; i < 32; i++) {
                make(&one, kind ? DVT_TYPE_BF16 : DVT_TYPE_F16, 1, shape);
                put(&one, 0, (i - 16) / 8.0);
                memcpy(&halves[kind][i], one.bytes, 2);
                free(one.bytes);
            }
        ready = 1;
    }
    for (int64_t i = 0, n = dvt_size(&x->t); i < n; i++) {
        const uint64_t r = chance(32);
        if (x->type == DVT_TYPE_F16 || x->type == DVT_TYPE_BF16)
            memcpy(element(x, i), &halves[x->type == DVT_TYPE_BF16][r], 2);
        else if (is_float(x->type))
            put(x, i, ((double)r - 16) / 8);
        else if (x->type == DVT_TYPE_BOOL)
            put(x, i, (double)(r & 1));
        else
            put(x, i, (double)r);
    }
}

/* Every byte that is no element still holds the guard. */
static inline void check_gaps(const array *x) {
    const size_t size = dvt_type_size(x->type);
    unsigned char *seen = calloc(x->size, 1);
    CHECK(seen);
    for (int64_t i = 0, n = dvt_size(&x->t); i < n; i++)
        memset(seen + (element(x, i) - x->bytes), 1, size);
    for (size_t i = 0; i < x->size; i++) CHECK(seen[i] || x->bytes[i] == 0xa5);
    free(seen);
}

/* ---- ops ------------------------------------------------------------------------------------ */

#define LIST(attr_name, array_of_int64)                                                            \
    {.name = attr_name,                                                                            \
     .values = array_of_int64,                                                                     \
     .count = sizeof(array_of_int64) / sizeof((array_of_int64)[0]),                                \
     .kind = DVT_ATTR_INT64,                                                                       \
     .is_list = 1}
#define SCALAR(attr_name, pointer)                                                                 \
    {.name = attr_name, .values = pointer, .count = 1, .kind = DVT_ATTR_INT64}

static inline const dvt_kernel_def *find_row(const char *name) {
    for (uint32_t i = 0; i < plugin->n_kernels; i++)
        if (strcmp(plugin->kernels[i].op, name) == 0) return &plugin->kernels[i];
    return NULL;
}

/* Prepares, runs and destroys; the workspace has exactly the size that was asked for. */
static inline void run_op(const char *name, const array *const *inputs, uint32_t n_inputs,
                          const array *const *outputs, uint32_t n_outputs, const dvt_attr *attrs,
                          uint32_t n_attrs) {
    const dvt_tensor *in[8], *out[4];
    const dvt_kernel_def *row = find_row(name);
    CHECK(row);
    for (uint32_t i = 0; i < n_inputs; i++) in[i] = &inputs[i]->t;
    for (uint32_t i = 0; i < n_outputs; i++) out[i] = &outputs[i]->t;
    const dvt_op op = {.struct_size = sizeof op,
                       .name = name,
                       .version = 1,
                       .n_inputs = n_inputs,
                       .n_outputs = n_outputs,
                       .n_attrs = n_attrs,
                       .inputs = in,
                       .outputs = out,
                       .attrs = attrs,
                       .host = &host};
    dvt_kernel_info info = {.struct_size = sizeof info};
    CHECK(row->prepare(&op, &info, &error) == DVT_OK);
    void *workspace = NULL;
    if (info.workspace_size) CHECK(posix_memalign(&workspace, 64, info.workspace_size) == 0);
    const dvt_call call = {.struct_size = sizeof call,
                           .host = &host,
                           .kernel = info.kernel,
                           .inputs = in,
                           .outputs = out,
                           .attrs = attrs,
                           .workspace = workspace,
                           .workspace_size = info.workspace_size,
                           .n_inputs = n_inputs,
                           .n_outputs = n_outputs,
                           .n_attrs = n_attrs};
    CHECK((info.run ? info.run : row->run)(&call, &error) == DVT_OK);
    if (row->destroy) row->destroy(info.kernel);
    free(workspace);
    for (uint32_t i = 0; i < n_outputs; i++) check_gaps(outputs[i]);
}

/* What float results may differ by, for sums of `terms` products of about 1. */
static inline double tolerance(dvt_type type, double expected, double terms) {
    const double unit = type == DVT_TYPE_F64    ? 1e-15
                        : type == DVT_TYPE_F32  ? 1e-6
                        : type == DVT_TYPE_F16  ? 1e-3
                        : type == DVT_TYPE_BF16 ? 8e-3
                                                : 0;
    return unit * (fabs(expected) + (type >= DVT_TYPE_F32 ? sqrt(terms) * 4 : 1));
}

/* An integer result: the exact sum, modulo the width of the type. */
static inline int same_bits(const array *x, int64_t flat, int64_t expected) {
    return memcmp(element(x, flat), &expected, dvt_type_size(x->type)) == 0;
}

#endif
