/* astype: every type to every type. From float to integer is truncation, clamped to the type's ends,
 * with 0 for a NaN; to bool it is != 0. 16-bit floats are float32 on the way. */
#include <string.h>

#include "loops.h"
#include "rows.h"

/* bound is 2^k: the first number above the type, exact in every float type. */
#define CLAMPED(type, lowest, highest, bound)                                                      \
    (x != x ? 0 : x >= (bound) ? (highest) : x < (lowest) ? (lowest) : (type)x)

#define FROM_INTEGER(X, a, A, s)                                                                   \
    X(a, A, s, bool, BOOL, uint8_t, x != 0)                                                        \
    X(a, A, s, i8, I8, int8_t, x)                                                                  \
    X(a, A, s, i16, I16, int16_t, x)                                                               \
    X(a, A, s, i32, I32, int32_t, x)                                                               \
    X(a, A, s, i64, I64, int64_t, x)                                                               \
    X(a, A, s, u8, U8, uint8_t, x)                                                                 \
    X(a, A, s, u16, U16, uint16_t, x)                                                              \
    X(a, A, s, u32, U32, uint32_t, x)                                                              \
    X(a, A, s, u64, U64, uint64_t, x)                                                              \
    X(a, A, s, f32, F32, float, x)                                                                 \
    X(a, A, s, f64, F64, double, x)
#define FROM_FLOAT(X, a, A, s)                                                                     \
    X(a, A, s, bool, BOOL, uint8_t, x != 0)                                                        \
    X(a, A, s, i8, I8, int8_t, CLAMPED(int8_t, INT8_MIN, INT8_MAX, 0x1p7f))                        \
    X(a, A, s, i16, I16, int16_t, CLAMPED(int16_t, INT16_MIN, INT16_MAX, 0x1p15f))                 \
    X(a, A, s, i32, I32, int32_t, CLAMPED(int32_t, INT32_MIN, INT32_MAX, 0x1p31f))                 \
    X(a, A, s, i64, I64, int64_t, CLAMPED(int64_t, INT64_MIN, INT64_MAX, 0x1p63f))                 \
    X(a, A, s, u8, U8, uint8_t, CLAMPED(uint8_t, 0, UINT8_MAX, 0x1p8f))                            \
    X(a, A, s, u16, U16, uint16_t, CLAMPED(uint16_t, 0, UINT16_MAX, 0x1p16f))                      \
    X(a, A, s, u32, U32, uint32_t, CLAMPED(uint32_t, 0u, UINT32_MAX, 0x1p32f))                     \
    X(a, A, s, u64, U64, uint64_t, CLAMPED(uint64_t, 0u, UINT64_MAX, 0x1p64f))                     \
    X(a, A, s, f32, F32, float, x)                                                                 \
    X(a, A, s, f64, F64, double, x)

#define LOOP(a, A, s, b, B, d, expression) DVT_UNARY_LOOP(cast_##a##_##b, s, d, expression)
#define INTEGER_LOOPS(a, A, s) FROM_INTEGER(LOOP, a, A, s)
#define FLOAT_LOOPS(a, A, s) FROM_FLOAT(LOOP, a, A, s)
DVT_INTEGER_TYPES(INTEGER_LOOPS)
INTEGER_LOOPS(bool, BOOL, uint8_t)
DVT_REAL_TYPES(FLOAT_LOOPS)

/* Types of more than 24 bits to 16-bit floats: two roundings to nearest would be one too many, so
 * the first one, to float32, is to odd: what is lost leaves its mark in the last bit. */
static inline float float_to_odd(double x) {
    const float near = (float)x;
    uint32_t bits;
    memcpy(&bits, &near, sizeof bits);
    const double size = x < 0 ? -x : x, near_size = near < 0 ? -(double)near : (double)near;
    if (!(size != near_size) || !(near_size <= 0x1.fffffep127))
        return near; /* exact, infinite or not a number */
    bits = (bits - (near_size > size)) | 1u;
    float odd;
    memcpy(&odd, &bits, sizeof odd);
    return odd;
}

/* The top 53 bits of a 64-bit size, rounded to odd. */
static inline double size_to_odd(uint64_t size) {
    const uint64_t lost = size & 0x7ff;
    return size >> 53 ? (double)(size - lost + (lost ? 0x800u & ~size : 0)) : (double)size;
}
static inline double odd_i64(int64_t x) {
    return x < 0 ? -size_to_odd(0 - (uint64_t)x) : size_to_odd((uint64_t)x);
}
DVT_UNARY_LOOP(odd_i32, int32_t, float, float_to_odd(x))
DVT_UNARY_LOOP(odd_u32, uint32_t, float, float_to_odd(x))
DVT_UNARY_LOOP(odd_i64_f32, int64_t, float, float_to_odd(odd_i64(x)))
DVT_UNARY_LOOP(odd_u64_f32, uint64_t, float, float_to_odd(size_to_odd(x)))
DVT_UNARY_LOOP(odd_f64, double, float, float_to_odd(x))

static void copy_float(void *const *p, size_t n) {
    memmove(p[0], p[1], n * sizeof(float));
}

#define COST(s, d) (sizeof(s) + sizeof(d)) * 50
#define MAP(a, A, s, b, B, d, expression)                                                          \
    [DVT_TYPE_##A][DVT_TYPE_##B] = {.fn = cast_##a##_##b,                                          \
                                    .n_inputs = 1,                                                 \
                                    .picoseconds = COST(s, d),                                     \
                                    .size = {sizeof(d), sizeof(s)}},
#define INTEGER_MAPS(a, A, s) FROM_INTEGER(MAP, a, A, s)
#define FLOAT_MAPS(a, A, s) FROM_FLOAT(MAP, a, A, s)

#define HALF(A, s, kind_a, B, d, kind_b, function)                                                 \
    [DVT_TYPE_##A][DVT_TYPE_##B] = {.fn = function,                                                \
                                    .n_inputs = 1,                                                 \
                                    .picoseconds = COST(s, d),                                     \
                                    .any_half = 1,                                                 \
                                    .half = {kind_b, kind_a},                                      \
                                    .size = {sizeof(d), sizeof(s)}},
#define TO_HALF(A, s, function)                                                                    \
    HALF(A, s, DVT_HALF_NONE, F16, uint16_t, DVT_HALF_F16, function)                               \
    HALF(A, s, DVT_HALF_NONE, BF16, uint16_t, DVT_HALF_BF16, function)
#define FROM_HALF(B, d, function)                                                                  \
    HALF(F16, uint16_t, DVT_HALF_F16, B, d, DVT_HALF_NONE, function)                               \
    HALF(BF16, uint16_t, DVT_HALF_BF16, B, d, DVT_HALF_NONE, function)

static const dvt_map maps[DVT_N_TYPES][DVT_N_TYPES] = {
    DVT_INTEGER_TYPES(INTEGER_MAPS) INTEGER_MAPS(bool, BOOL, uint8_t) DVT_REAL_TYPES(FLOAT_MAPS)
        TO_HALF(BOOL, uint8_t, cast_bool_f32) TO_HALF(I8, int8_t, cast_i8_f32)
            TO_HALF(I16, int16_t, cast_i16_f32) TO_HALF(U8, uint8_t, cast_u8_f32) TO_HALF(
                U16, uint16_t, cast_u16_f32) TO_HALF(I32, int32_t, odd_i32)
                TO_HALF(U32, uint32_t, odd_u32) TO_HALF(I64, int64_t, odd_i64_f32) TO_HALF(
                    U64, uint64_t, odd_u64_f32) TO_HALF(F32, float, copy_float)
                    TO_HALF(F64, double, odd_f64) FROM_HALF(BOOL, uint8_t, cast_f32_bool) FROM_HALF(
                        I8, int8_t, cast_f32_i8) FROM_HALF(I16, int16_t, cast_f32_i16)
                        FROM_HALF(I32, int32_t, cast_f32_i32) FROM_HALF(I64, int64_t, cast_f32_i64)
                            FROM_HALF(U8, uint8_t, cast_f32_u8) FROM_HALF(
                                U16, uint16_t, cast_f32_u16) FROM_HALF(U32, uint32_t, cast_f32_u32)
                                FROM_HALF(U64, uint64_t, cast_f32_u64) FROM_HALF(
                                    F32, float, copy_float) FROM_HALF(F64, double, cast_f32_f64)
                                    HALF(F16, uint16_t, DVT_HALF_F16, F16, uint16_t, DVT_HALF_F16,
                                         copy_float) HALF(F16, uint16_t, DVT_HALF_F16, BF16,
                                                          uint16_t, DVT_HALF_BF16, copy_float)
                                        HALF(BF16, uint16_t, DVT_HALF_BF16, F16, uint16_t,
                                             DVT_HALF_F16, copy_float)
                                            HALF(BF16, uint16_t, DVT_HALF_BF16, BF16, uint16_t,
                                                 DVT_HALF_BF16, copy_float)};

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_type from = dvt_type_of(op->inputs[0]->dtype);
    const dvt_type to = dvt_type_of(op->outputs[0]->dtype);
    (void)error;
    if (from == DVT_N_TYPES || to == DVT_N_TYPES) {
        info->reason = "the CPU device converts bool, integers and floats of 8 to 64 bits";
        return DVT_UNSUPPORTED;
    }
    dvt_map_answer(&maps[from][to], op, info);
    return DVT_OK;
}

const dvt_kernel_def dvt_cpu_cast_rows[] = {
    DVT_MAP_ROW("astype", "S=" DVT_ALL_WORDS ";T=" DVT_ALL_WORDS, prepare),
};
const uint32_t dvt_cpu_cast_count = sizeof dvt_cpu_cast_rows / sizeof dvt_cpu_cast_rows[0];
