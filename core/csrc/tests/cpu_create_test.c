/* full, iota and random_bits: values of every type, and Philox against its definition in scalars, whose
 * own results are the known answers of Random123. */
#include "cpu_products_host.h"

#include "random_philox.h"

static void philox_by_definition(uint32_t c[4], uint32_t key0, uint32_t key1) {
    for (int round = 0; round < 10; round++) {
        const uint64_t p0 = (uint64_t)c[0] * 0xd2511f53u, p1 = (uint64_t)c[2] * 0xcd9e8d57u;
        c[0] = (uint32_t)(p1 >> 32) ^ c[1] ^ key0;
        c[1] = (uint32_t)p1;
        c[2] = (uint32_t)(p0 >> 32) ^ c[3] ^ key1;
        c[3] = (uint32_t)p0;
        key0 += 0x9e3779b9u;
        key1 += 0xbb67ae85u;
    }
}

static void definition_has_known_answers(void) {
    static const uint32_t answers[3][10] = {
        {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
        {~0u, ~0u, ~0u, ~0u, ~0u, ~0u, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd},
        {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09,
         0x94fdcceb, 0x5001e420, 0x24126ea1}};
    for (int i = 0; i < 3; i++) {
        uint32_t c[4];
        memcpy(c, answers[i], sizeof c);
        philox_by_definition(c, answers[i][4], answers[i][5]);
        CHECK(memcmp(c, answers[i] + 6, sizeof c) == 0);
    }
}

static void expect_blocks(uint64_t first, uint64_t n) {
    const uint32_t key[2] = {(uint32_t)chance(1ull << 32), (uint32_t)chance(1ull << 32)};
    uint32_t *const words = malloc(n * 16 + 1);
    CHECK(words);
    dvt_philox(words, first, n, key);
    for (uint64_t i = 0; i < n; i++) {
        uint32_t c[4] = {(uint32_t)(first + i), (uint32_t)((first + i) >> 32), 0, 0};
        philox_by_definition(c, key[0], key[1]);
        CHECK(memcmp(c, words + 4 * i, sizeof c) == 0);
    }
    free(words);
}

static void make_plain(array *x, dvt_type type, int32_t ndim, const int64_t *shape) {
    make(x, type, ndim, shape);
    while (dvt_contiguous_size(&x->t) < 0) {
        free(x->bytes);
        make(x, type, ndim, shape);
    }
}

static int32_t any_shape(int64_t *shape) {
    static const int64_t extents[] = {0, 1, 2, 3, 5, 17, 64};
    const int32_t ndim = (int32_t)chance(4);
    for (int32_t i = 0; i < ndim; i++) shape[i] = extents[chance(20) ? 1 + chance(6) : 0];
    if (ndim > 0 && chance(4) == 0) shape[chance((uint64_t)ndim)] = 5000;
    return ndim;
}

static void one_drawing(void) {
    const int64_t two[] = {2};
    int64_t shape[AXES];
    array key, y;
    const array *in[] = {&key}, *out[] = {&y};
    make_plain(&key, DVT_TYPE_U32, 1, two);
    const uint32_t words[2] = {(uint32_t)chance(1ull << 32), (uint32_t)chance(1ull << 32)};
    memcpy(element(&key, 0), &words[0], 4);
    memcpy(element(&key, 1), &words[1], 4);
    const int32_t ndim = any_shape(shape);
    make_plain(&y, (dvt_type)(DVT_TYPE_U8 + chance(4)), ndim, shape);
    run_op("random_bits", in, 1, out, 1, NULL, 0);
    for (int64_t i = 0, n = dvt_size(&y.t); i < n; i++) {
        const int64_t word = y.type == DVT_TYPE_U64 ? 2 * i : i;
        uint32_t c[4] = {(uint32_t)(word / 4), 0, 0, 0};
        philox_by_definition(c, words[0], words[1]);
        const uint64_t value =
            y.type == DVT_TYPE_U64 ? c[word % 4] | (uint64_t)c[word % 4 + 1] << 32 : c[word % 4];
        CHECK(same_bits(&y, i, (int64_t)value));
    }
    free(key.bytes);
    free(y.bytes);
}

static void one_count(void) {
    int64_t shape[AXES], inner = 1;
    array y;
    const array *out[] = {&y};
    int32_t ndim = any_shape(shape);
    if (ndim == 0) shape[ndim++] = 3;
    const int64_t axis = (int64_t)chance((uint64_t)ndim);
    make_plain(&y, (dvt_type)(1 + chance(DVT_N_TYPES - 1)), ndim, shape);
    const dvt_attr attr = SCALAR("axis", &axis);
    run_op("iota", NULL, 0, out, 1, &attr, 1);
    for (int32_t i = (int32_t)axis + 1; i < ndim; i++) inner *= shape[i];
    for (int64_t i = 0, n = dvt_size(&y.t); i < n; i++) {
        const int64_t index = i / inner % shape[axis];
        /* Halves have 8 or 11 bits: half a unit of the last one may be lost. */
        const double limit = y.type == DVT_TYPE_BF16  ? 0x1p-8
                             : y.type == DVT_TYPE_F16 ? 0x1p-11
                                                      : 0;
        if (is_float(y.type))
            CHECK(fabs(get(&y, i) - (double)index) <= limit * (double)index);
        else
            CHECK(same_bits(&y, i, index));
    }
    free(y.bytes);
}

/* Every element of an array of `type` is `bits`. */
static void expect_full(dvt_type type, const void *value, uint32_t kind, uint64_t bits) {
    int64_t shape[AXES];
    array y;
    const array *out[] = {&y};
    const dvt_attr attr = {"value", value, 1, kind, 0};
    const int32_t ndim = any_shape(shape);
    make_plain(&y, type, ndim, shape);
    run_op("full", NULL, 0, out, 1, &attr, 1);
    for (int64_t i = 0, n = dvt_size(&y.t); i < n; i++) CHECK(same_bits(&y, i, (int64_t)bits));
    free(y.bytes);
}

static void full_values(void) {
    static const struct {
        dvt_type type;
        double value;
        uint64_t bits;
    } reals[] = {
        {DVT_TYPE_F64, -0.0, 1ull << 63},
        {DVT_TYPE_F32, 0.1, 0x3dcccccd},
        {DVT_TYPE_F16, 0.1, 0x2e66},
        {DVT_TYPE_F16, 65519.0, 0x7bff},
        {DVT_TYPE_F16, 65520.0, 0x7c00},
        {DVT_TYPE_F16, -1e300, 0xfc00},
        {DVT_TYPE_F16, 0x1p-25, 0},
        {DVT_TYPE_F16, 0x1p-25 + 0x1p-60, 1},
        /* Just above the middle of two: by way of a float it would be the middle, and go to even. */
        {DVT_TYPE_F16, 1 + 0x1p-11 + 0x1p-40, 0x3c01},
        {DVT_TYPE_BF16, 1 + 0x1p-8 + 0x1p-40, 0x3f81},
        {DVT_TYPE_BF16, -(1 + 0x1p-8), 0xbf80},
        {DVT_TYPE_BF16, NAN, 0x7fc0},
        {DVT_TYPE_BF16, -INFINITY, 0xff80},
        {DVT_TYPE_I8, -200, 0x80},
        {DVT_TYPE_I8, 2.9, 2},
        {DVT_TYPE_U8, -1, 0},
        {DVT_TYPE_U16, 1e9, 0xffff},
        {DVT_TYPE_I64, INFINITY, INT64_MAX},
        {DVT_TYPE_U64, INFINITY, UINT64_MAX},
        {DVT_TYPE_I32, NAN, 0},
        {DVT_TYPE_BOOL, 0.5, 1},
    };
    static const struct {
        dvt_type type;
        int64_t value;
        uint64_t bits;
    } integers[] = {
        {DVT_TYPE_U64, -1, UINT64_MAX}, {DVT_TYPE_I64, INT64_MIN, 1ull << 63},
        {DVT_TYPE_I8, -128, 0x80},      {DVT_TYPE_BOOL, 256, 1},
        {DVT_TYPE_U32, 7, 7},           {DVT_TYPE_F32, 3, 0x40400000},
        {DVT_TYPE_F16, -1, 0xbc00},
    };
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        expect_full(reals[i].type, &reals[i].value, DVT_ATTR_FLOAT64, reals[i].bits);
    for (size_t i = 0; i < sizeof integers / sizeof *integers; i++)
        expect_full(integers[i].type, &integers[i].value, DVT_ATTR_INT64, integers[i].bits);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    definition_has_known_answers();
    for (int i = 0; i < 50; i++) {
        host.n_threads = 1 + (uint32_t)chance(2);
        expect_blocks(chance(1ull << 40), chance(100));
        expect_blocks((1ull << 32) - chance(64), 64);
        one_drawing();
        one_count();
        full_values();
    }
    expect_blocks(UINT64_MAX - 40, 40);
    return 0;
}
