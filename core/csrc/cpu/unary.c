/* Element-wise functions of one argument. */
#include <math.h>

#include "float_expressions.h"
#include "loops.h"
#include "rows.h"
#include "special_functions.h"

/* Functions of floats: float32 (and through it the 16-bit types) in vectors. */
#define LOOP_F32(name, expression) DVT_VF_UNARY(name##_f32, expression)
#define LOOP_F64(name, expression) DVT_VD_UNARY(name##_f64, expression)
DVT_UNARY_F32(LOOP_F32)
DVT_UNARY_F64(LOOP_F64)
DVT_UNARY_LOOP(erf_f64, double, double, erf(x))
DVT_UNARY_LOOP(floor_f64, double, double, floor(x))
DVT_UNARY_LOOP(ceil_f64, double, double, ceil(x))
DVT_UNARY_LOOP(trunc_f64, double, double, trunc(x))

/* Functions that need an fma which rounds once: without it the C library's, one at a time. float32 is
 * computed in float64 and rounded, as far as it has no shorter code of its own. */
#if DVT_VF_FUSED
#define FUSED_F64(name, expression) LOOP_F64(name, expression)
#define WIDE(name) LOOP_F32(name, DVT_THROUGH_F64(name)) LOOP_F64(name, dvt_vd_##name(x))
#else
#define FUSED_F64(name, expression) DVT_UNARY_LOOP(name##_f64, double, double, name(x))
#define WIDE(name)                                                                                 \
    DVT_UNARY_LOOP(name##_f32, float, float, name##f(x))                                           \
    DVT_UNARY_LOOP(name##_f64, double, double, name(x))
#endif
DVT_UNARY_FUSED_F64(FUSED_F64)
DVT_UNARY_THROUGH_F64(WIDE)

DVT_UNARY_LOOP(erfinv_f64, double, double, dvt_erfinv(x))

/* Arithmetic of every number. Integers wrap, as unsigned numbers do. */
#define INTEGER(end, END, type)                                                                    \
    DVT_UNARY_LOOP(negative_##end, type, type, 0 - (uint64_t)x)                                    \
    DVT_UNARY_LOOP(square_##end, type, type, (uint64_t)x *(uint64_t)x)
DVT_INTEGER_TYPES(INTEGER)
#define SIGNED(end, END, type)                                                                     \
    DVT_UNARY_LOOP(abs_##end, type, type, x < 0 ? 0 - (uint64_t)x : (uint64_t)x)                   \
    DVT_UNARY_LOOP(sign_##end, type, type, (x > 0) - (x < 0))
DVT_SIGNED_TYPES(SIGNED)
#define UNSIGNED(end, END, type)                                                                   \
    DVT_UNARY_LOOP(abs_##end, type, type, x)                                                       \
    DVT_UNARY_LOOP(sign_##end, type, type, x != 0)
DVT_UNSIGNED_TYPES(UNSIGNED)
#define REAL(end, END, type)                                                                       \
    DVT_UNARY_LOOP(negative_##end, type, type, -x)                                                 \
    DVT_UNARY_LOOP(square_##end, type, type, x *x)                                                 \
    DVT_UNARY_LOOP(reciprocal_##end, type, type, 1 / x)                                            \
    DVT_UNARY_LOOP(sign_##end, type, type, x > 0 ? 1 : x < 0 ? -1 : x + (type)0)                   \
    DVT_UNARY_LOOP(isnan_##end, type, uint8_t, x != x)
DVT_REAL_TYPES(REAL)
DVT_UNARY_LOOP(abs_f32, float, float, fabsf(x))
DVT_UNARY_LOOP(abs_f64, double, double, fabs(x))
DVT_UNARY_LOOP(isinf_f32, float, uint8_t, fabsf(x) == HUGE_VALF)
DVT_UNARY_LOOP(isinf_f64, double, uint8_t, fabs(x) == HUGE_VAL)
DVT_UNARY_LOOP(isfinite_f32, float, uint8_t, fabsf(x) < HUGE_VALF)
DVT_UNARY_LOOP(isfinite_f64, double, uint8_t, fabs(x) < HUGE_VAL)
DVT_UNARY_LOOP(signbit_f32, float, uint8_t, signbit(x) != 0)
/* through 1 with the sign, of which a comparison is quick */
DVT_UNARY_LOOP(signbit_f64, double, uint8_t, copysign(1, x) < 0)

#define FLOAT_MAPS(name, single, twice)                                                            \
    [DVT_TYPE_F16] = DVT_UNARY_HALF(name##_f32, DVT_HALF_F16, single),                             \
    [DVT_TYPE_BF16] = DVT_UNARY_HALF(name##_f32, DVT_HALF_BF16, single),                           \
    [DVT_TYPE_F32] = DVT_UNARY_MAP(name##_f32, float, single),                                     \
    [DVT_TYPE_F64] = DVT_UNARY_MAP(name##_f64, double, twice)
#define INTEGER_MAP(end, END, type, name, cost)                                                    \
    [DVT_TYPE_##END] = DVT_UNARY_MAP(name##_##end, type, cost)
#define NUMBER_MAPS(name, single, twice)                                                           \
    static const dvt_map name##_maps[DVT_N_TYPES] = {                                              \
        INTEGER_MAP(i8, I8, int8_t, name, single),                                                 \
        INTEGER_MAP(i16, I16, int16_t, name, single),                                              \
        INTEGER_MAP(i32, I32, int32_t, name, single),                                              \
        INTEGER_MAP(i64, I64, int64_t, name, twice),                                               \
        INTEGER_MAP(u8, U8, uint8_t, name, single),                                                \
        INTEGER_MAP(u16, U16, uint16_t, name, single),                                             \
        INTEGER_MAP(u32, U32, uint32_t, name, single),                                             \
        INTEGER_MAP(u64, U64, uint64_t, name, twice),                                              \
        FLOAT_MAPS(name, single, twice)}
#define TEST_MAP(function, type, kind)                                                             \
    {                                                                                              \
        .fn = function, .n_inputs = 1, .picoseconds = 300, .any_half = kind != DVT_HALF_NONE,      \
        .half = {DVT_HALF_NONE, kind}, .size = {1, sizeof(type)}                                   \
    }
#define TEST_MAPS(name)                                                                            \
    static const dvt_map name##_maps[DVT_N_TYPES] = {                                              \
        [DVT_TYPE_F16] = TEST_MAP(name##_f32, uint16_t, DVT_HALF_F16),                             \
        [DVT_TYPE_BF16] = TEST_MAP(name##_f32, uint16_t, DVT_HALF_BF16),                           \
        [DVT_TYPE_F32] = TEST_MAP(name##_f32, float, DVT_HALF_NONE),                               \
        [DVT_TYPE_F64] = TEST_MAP(name##_f64, double, DVT_HALF_NONE)}

NUMBER_MAPS(negative, 200, 400);
NUMBER_MAPS(abs, 200, 400);
NUMBER_MAPS(sign, 200, 400);
NUMBER_MAPS(square, 200, 400);
TEST_MAPS(isnan);
TEST_MAPS(isinf);
TEST_MAPS(isfinite);
TEST_MAPS(signbit);

/* name, picoseconds per element in float32 and in float64 */
#define FLOAT_OPS(X)                                                                               \
    X(exp, 700, 1500)                                                                              \
    X(log, 800, 2000)                                                                              \
    X(log1p, 1000, 12000)                                                                          \
    X(expm1, 800, 12000)                                                                           \
    X(sqrt, 300, 1000)                                                                             \
    X(rsqrt, 500, 1500)                                                                            \
    X(sin, 1200, 12000)                                                                            \
    X(cos, 1200, 12000)                                                                            \
    X(tanh, 1000, 2500)                                                                            \
    X(erf, 1100, 15000)                                                                            \
    X(erfinv, 1800, 150000)                                                                        \
    X(sigmoid, 900, 2000)                                                                          \
    X(floor, 200, 500)                                                                             \
    X(ceil, 200, 500)                                                                              \
    X(trunc, 200, 500)                                                                             \
    X(round, 200, 500)                                                                             \
    X(reciprocal, 300, 800)                                                                        \
    X(tan, 12000, 20000)                                                                           \
    X(asin, 6000, 12000)                                                                           \
    X(acos, 6000, 12000)                                                                           \
    X(atan, 8000, 15000)                                                                           \
    X(sinh, 10000, 15000)                                                                          \
    X(cosh, 8000, 12000)                                                                           \
    X(asinh, 12000, 20000)                                                                         \
    X(acosh, 12000, 20000)                                                                         \
    X(atanh, 12000, 20000)                                                                         \
    X(exp2, 4000, 5000)                                                                            \
    X(log2, 4000, 5000)                                                                            \
    X(log10, 6000, 10000)                                                                          \
    X(cbrt, 10000, 15000)

#define FLOAT_TABLE(name, single, twice)                                                           \
    static const dvt_map name##_maps[DVT_N_TYPES] = {FLOAT_MAPS(name, single, twice)};
FLOAT_OPS(FLOAT_TABLE)

#define FLOAT_OP(name, single, twice) {#name, name##_maps},
static const dvt_map_op ops[] = {
    FLOAT_OPS(FLOAT_OP){"negative", negative_maps},
    {"abs", abs_maps},
    {"sign", sign_maps},
    {"square", square_maps},
    {"isnan", isnan_maps},
    {"isinf", isinf_maps},
    {"isfinite", isfinite_maps},
    {"signbit", signbit_maps},
};

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    return dvt_map_prepare(ops, sizeof ops / sizeof ops[0], op, info);
}

#define NUMBERS(name) DVT_MAP_ROW(name, "T=" DVT_NUMBER_WORDS, prepare)
#define FLOATS(name) DVT_MAP_ROW(name, "T=" DVT_FLOAT_WORDS, prepare)
#define FLOAT_ROW(name, single, twice) FLOATS(#name),

const dvt_kernel_def dvt_cpu_unary_rows[] = {
    FLOAT_OPS(FLOAT_ROW) NUMBERS("negative"),
    NUMBERS("abs"),
    NUMBERS("sign"),
    NUMBERS("square"),
    FLOATS("isnan"),
    FLOATS("isinf"),
    FLOATS("isfinite"),
    FLOATS("signbit"),
};
const uint32_t dvt_cpu_unary_count = sizeof dvt_cpu_unary_rows / sizeof dvt_cpu_unary_rows[0];
