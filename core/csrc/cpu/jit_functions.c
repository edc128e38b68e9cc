/* The recording of every op that a tile program can have in registers. */
#if defined(__AVX2__) && defined(__FMA__) && defined(__F16C__)
#define DVT_RECORD 1
#include "float_expressions.h"

#define UNARY(name, expression)                                                                    \
    static dvt_jit_value name(const dvt_jit_value *operands) {                                     \
        const dvt_jit_value x = operands[0];                                                       \
        return expression;                                                                         \
    }
#define BINARY(name, expression)                                                                   \
    static dvt_jit_value name(const dvt_jit_value *operands) {                                     \
        const dvt_jit_value x = operands[0], y = operands[1];                                      \
        return expression;                                                                         \
    }
#define UNARY_F(name, expression) UNARY(name##_f, expression)
#define UNARY_D(name, expression) UNARY(name##_d, expression)
#define BINARY_F(name, expression) BINARY(name##_f, expression)
#define BINARY_D(name, expression) BINARY(name##_d, expression)
DVT_UNARY_F32(UNARY_F)
DVT_UNARY_F64(UNARY_D)
DVT_UNARY_FUSED_F64(UNARY_D)
#define THROUGH(name) UNARY_F(name, DVT_THROUGH_F64(name)) UNARY_D(name, dvt_vd_##name(x))
DVT_UNARY_THROUGH_F64(THROUGH)
DVT_COMPOSITE_F32(UNARY_F)
DVT_COMPOSITE_F64(UNARY_D)
DVT_COMPOSITE_FUSED_F64(UNARY_D)
DVT_BINARY_F32(BINARY_F)
DVT_BINARY_F64(BINARY_D)

/* Ops whose block functions are plain loops of the compiler's: every operation rounds as its own. */
#define PLAIN(v, end, infinity)                                                                    \
    UNARY(negative_##end, v##_neg(x))                                                              \
    UNARY(abs_##end, v##_abs(x))                                                                   \
    UNARY(square_##end, v##_mul(x, x))                                                             \
    UNARY(reciprocal_##end, v##_div(v##_set1(1), x))                                               \
    UNARY(sign_##end,                                                                              \
          v##_select(v##_gt(x, v##_set1(0)), v##_set1(1),                                          \
                     v##_select(v##_lt(x, v##_set1(0)), v##_set1(-1), v##_add(x, v##_set1(0)))))   \
    UNARY(isnan_##end, v##_ne(x, x))                                                               \
    UNARY(isinf_##end, v##_eq(v##_abs(x), v##_set1(infinity)))                                     \
    UNARY(isfinite_##end, v##_lt(v##_abs(x), v##_set1(infinity)))                                  \
    UNARY(signbit_##end, v##_lt(v##_copysign(v##_set1(1), x), v##_set1(0)))                        \
    BINARY(equal_##end, v##_eq(x, y))                                                              \
    BINARY(not_equal_##end, v##_ne(x, y))                                                          \
    BINARY(less_##end, v##_lt(x, y))                                                               \
    BINARY(less_equal_##end, v##_le(x, y))                                                         \
    BINARY(greater_##end, v##_gt(x, y))                                                            \
    BINARY(greater_equal_##end, v##_ge(x, y))                                                      \
    UNARY(to_bool_##end, v##_ne(x, v##_set1(0)))                                                   \
    UNARY(from_bool_##end, v##_select(x, v##_set1(1), v##_set1(0)))                                \
    static dvt_jit_value where_##end(const dvt_jit_value *x) {                                     \
        return v##_select(x[0], x[1], x[2]);                                                       \
    }                                                                                              \
    static dvt_jit_value multiply_add_##end(const dvt_jit_value *x) {                              \
        return v##_add(v##_mul(x[0], x[1]), x[2]);                                                 \
    }
PLAIN(dvt_vf, f, __builtin_inff())
PLAIN(dvt_vd, d, __builtin_inf())
#define FLOOR(name) UNARY(name##_d, dvt_vd_##name(x))
FLOOR(floor)
FLOOR(ceil)
FLOOR(trunc)

UNARY(identity, x)
UNARY(logical_not, dvt_vm_not(x))
BINARY(logical_and, dvt_vm_and(x, y))
BINARY(logical_or, dvt_vm_or(x, y))
BINARY(logical_xor, dvt_vi_xor(x, y))

#define ROW_F(name, expression) {#name, "ff", name##_f},
#define ROW_D(name, expression) {#name, "dd", name##_d},
#define ROW_2F(name, expression) {#name, "fff", name##_f},
#define ROW_2D(name, expression) {#name, "ddd", name##_d},
#define ROW_THROUGH(name) ROW_F(name, ) ROW_D(name, )
#define ROW_BOTH(name, f, d) {#name, f, name##_f}, {#name, d, name##_d},
#define ROW_TEST(name) ROW_BOTH(name, "bf", "bd")
#define ROW_COMPARE(name) ROW_BOTH(name, "bff", "bdd")
static const dvt_jit_function functions[] = {
    DVT_UNARY_F32(ROW_F) DVT_UNARY_F64(ROW_D) DVT_UNARY_FUSED_F64(ROW_D)
        DVT_UNARY_THROUGH_F64(ROW_THROUGH) DVT_COMPOSITE_F32(ROW_F) DVT_COMPOSITE_F64(ROW_D)
            DVT_COMPOSITE_FUSED_F64(ROW_D) DVT_BINARY_F32(ROW_2F) DVT_BINARY_F64(ROW_2D) ROW_BOTH(
                negative, "ff", "dd") ROW_BOTH(abs, "ff", "dd") ROW_BOTH(square, "ff", "dd")
                ROW_BOTH(reciprocal, "ff", "dd") ROW_BOTH(sign, "ff", "dd") ROW_D(floor, )
                    ROW_D(ceil, ) ROW_D(trunc, ) ROW_TEST(isnan) ROW_TEST(isinf) ROW_TEST(isfinite)
                        ROW_TEST(signbit) ROW_COMPARE(equal) ROW_COMPARE(not_equal)
                            ROW_COMPARE(less) ROW_COMPARE(less_equal) ROW_COMPARE(greater)
                                ROW_COMPARE(greater_equal) ROW_BOTH(where, "fbff", "dbdd") ROW_BOTH(
                                    multiply_add, "ffff", "dddd"){"astype", "ff", identity},
    {"astype", "dd", identity},
    {"astype", "bb", identity},
    {"astype", "bf", to_bool_f},
    {"astype", "bd", to_bool_d},
    {"astype", "fb", from_bool_f},
    {"astype", "db", from_bool_d},
    {"logical_not", "bb", logical_not},
    {"logical_and", "bbb", logical_and},
    {"logical_or", "bbb", logical_or},
    {"logical_xor", "bbb", logical_xor},
    {"bitwise_and", "bbb", logical_and},
    {"bitwise_or", "bbb", logical_or},
    {"bitwise_xor", "bbb", logical_xor},
    {"bitwise_invert", "bb", logical_not},
    {"where", "bbbb", where_f},
};

static char kind_of(dvt_type type) {
    switch (type) {
    case DVT_TYPE_F16:
    case DVT_TYPE_BF16:
    case DVT_TYPE_F32:
        return 'f';
    case DVT_TYPE_F64:
        return 'd';
    case DVT_TYPE_BOOL:
        return 'b';
    default:
        return '?';
    }
}

static const dvt_jit_function *find(const char *op, const char *kinds) {
    for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
        if (strcmp(functions[i].op, op) == 0 && strcmp(functions[i].kinds, kinds) == 0)
            return &functions[i];
    return 0;
}

const dvt_jit_function *dvt_jit_find(const char *op, const dvt_type *types, uint32_t n) {
    char kinds[DVT_MAP_MAX_OPERANDS + 1] = {0};
    for (uint32_t i = 0; i < n && i < DVT_MAP_MAX_OPERANDS; i++) kinds[i] = kind_of(types[i]);
    return find(op, kinds);
}

/* As dvt_half_narrow does it. */
dvt_jit_value dvt_jit_narrow(dvt_half half, dvt_jit_value x) {
    if (half == DVT_HALF_F16) return dvt_jit_emit(DVT_JIT_ROUND_F16, 0, 1, &x);
    const dvt_vi high = dvt_vi_set1((int32_t)0xffff0000);
    const dvt_vi odd = dvt_vi_and(dvt_vi_shr_logical(x, 16), dvt_vi_set1(1));
    const dvt_vi rounded = dvt_vi_add(x, dvt_vi_add(odd, dvt_vi_set1(0x7fff)));
    const dvt_vi quiet = dvt_vi_or(x, dvt_vi_set1(0x400000));
    return dvt_vi_and(dvt_vf_select(dvt_vf_ne(x, x), quiet, rounded), high);
}
#else
#include "jit.h"

const dvt_jit_function *dvt_jit_find(const char *op, const dvt_type *types, uint32_t n) {
    (void)op;
    (void)types;
    (void)n;
    return 0;
}
#endif
