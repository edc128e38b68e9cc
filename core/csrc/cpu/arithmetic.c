/* Binary arithmetic. Integers wrap: they are computed as unsigned numbers of at least 32 bits. */
#include <math.h>

#include "float_expressions.h"
#include "integer.h"
#include "loops.h"
#include "rows.h"

#define WRAPPED(name, symbol)                                                                      \
    DVT_BINARY_LOOP(name##_i8, int8_t, int8_t, (uint32_t)x symbol(uint32_t) y)                     \
    DVT_BINARY_LOOP(name##_i16, int16_t, int16_t, (uint32_t)x symbol(uint32_t) y)                  \
    DVT_BINARY_LOOP(name##_i32, int32_t, int32_t, (uint32_t)x symbol(uint32_t) y)                  \
    DVT_BINARY_LOOP(name##_i64, int64_t, int64_t, (uint64_t)x symbol(uint64_t) y)                  \
    DVT_BINARY_LOOP(name##_u8, uint8_t, uint8_t, (uint32_t)x symbol(uint32_t) y)                   \
    DVT_BINARY_LOOP(name##_u16, uint16_t, uint16_t, (uint32_t)x symbol(uint32_t) y)                \
    DVT_BINARY_LOOP(name##_u32, uint32_t, uint32_t, x symbol y)                                    \
    DVT_BINARY_LOOP(name##_u64, uint64_t, uint64_t, x symbol y)

WRAPPED(add, +)
WRAPPED(subtract, -)
WRAPPED(multiply, *)
/* Floats through the vectors of vec.h: on a few elements they are quicker than the compiler's loop,
 * which comes with a prologue and an epilogue. */
#define LOOP_F32(name, expression) DVT_VF_BINARY(name##_f32, expression)
#define LOOP_F64(name, expression) DVT_VD_BINARY(name##_f64, expression)
DVT_BINARY_F32(LOOP_F32)
DVT_BINARY_F64(LOOP_F64)

#define MAXIMUM(end, END, type) DVT_BINARY_LOOP(maximum_##end, type, type, x > y ? x : y)
#define MINIMUM(end, END, type) DVT_BINARY_LOOP(minimum_##end, type, type, x < y ? x : y)
DVT_INTEGER_TYPES(MAXIMUM)
DVT_INTEGER_TYPES(MINIMUM)

#define INTEGER(end, END, type)                                                                    \
    DVT_BINARY_LOOP(floor_divide_##end, type, type, dvt_floor_divide_##end(x, y))                  \
    DVT_BINARY_LOOP(remainder_##end, type, type, dvt_remainder_##end(x, y))                        \
    DVT_BINARY_LOOP(power_##end, type, type, dvt_power_##end(x, y))
DVT_INTEGER_TYPES(INTEGER)

/* The remainder has the sign of the divisor, zero included. With an infinite operand the array
   standard has the floor of the quotient, which is whole already. */
#define FLOAT_DIVISION(end, type, s)                                                               \
    static inline type python_remainder_##end(type x, type y) {                                    \
        type r = fmod##s(x, y);                                                                    \
        if (r == 0) return copysign##s(r, y);                                                      \
        return (r < 0) != (y < 0) ? r + y : r;                                                     \
    }                                                                                              \
    static inline type python_floor_divide_##end(type x, type y) {                                 \
        const type quotient = x / y;                                                               \
        if (y == 0 || isinf(x) || isinf(y)) return quotient;                                       \
        type r = fmod##s(x, y), q = (x - r) / y;                                                   \
        if (r != 0 && (r < 0) != (y < 0)) q -= 1;                                                  \
        if (q == 0) return copysign##s(0, quotient);                                               \
        const type whole = floor##s(q);                                                            \
        return q - whole > (type)0.5 ? whole + 1 : whole;                                          \
    }                                                                                              \
    DVT_BINARY_LOOP(remainder_##end, type, type, python_remainder_##end(x, y))                     \
    DVT_BINARY_LOOP(floor_divide_##end, type, type, python_floor_divide_##end(x, y))               \
    DVT_BINARY_LOOP(atan2_##end, type, type, atan2##s(x, y))
FLOAT_DIVISION(f32, float, f)
FLOAT_DIVISION(f64, double, )

DVT_BINARY_LOOP(power_f64, double, double, pow(x, y))

#define FLOAT_MAPS(name, single, twice)                                                            \
    [DVT_TYPE_F16] = DVT_BINARY_HALF(name##_f32, DVT_HALF_F16, single),                            \
    [DVT_TYPE_BF16] = DVT_BINARY_HALF(name##_f32, DVT_HALF_BF16, single),                          \
    [DVT_TYPE_F32] = DVT_BINARY_MAP(name##_f32, float, single),                                    \
    [DVT_TYPE_F64] = DVT_BINARY_MAP(name##_f64, double, twice)
#define NUMBER_MAPS(name, integer, single, twice)                                                  \
    static const dvt_map name##_maps[DVT_N_TYPES] = {                                              \
        [DVT_TYPE_I8] = DVT_BINARY_MAP(name##_i8, int8_t, integer),                                \
        [DVT_TYPE_I16] = DVT_BINARY_MAP(name##_i16, int16_t, integer),                             \
        [DVT_TYPE_I32] = DVT_BINARY_MAP(name##_i32, int32_t, integer),                             \
        [DVT_TYPE_I64] = DVT_BINARY_MAP(name##_i64, int64_t, integer),                             \
        [DVT_TYPE_U8] = DVT_BINARY_MAP(name##_u8, uint8_t, integer),                               \
        [DVT_TYPE_U16] = DVT_BINARY_MAP(name##_u16, uint16_t, integer),                            \
        [DVT_TYPE_U32] = DVT_BINARY_MAP(name##_u32, uint32_t, integer),                            \
        [DVT_TYPE_U64] = DVT_BINARY_MAP(name##_u64, uint64_t, integer),                            \
        FLOAT_MAPS(name, single, twice)}

NUMBER_MAPS(add, 200, 250, 500);
NUMBER_MAPS(subtract, 200, 250, 500);
NUMBER_MAPS(multiply, 300, 250, 500);
NUMBER_MAPS(maximum, 200, 250, 500);
NUMBER_MAPS(minimum, 200, 250, 500);
NUMBER_MAPS(floor_divide, 4000, 9000, 12000);
NUMBER_MAPS(remainder, 4000, 8000, 12000);
NUMBER_MAPS(power, 8000, 3000, 25000);
static const dvt_map divide_maps[DVT_N_TYPES] = {FLOAT_MAPS(divide, 400, 800)};
static const dvt_map atan2_maps[DVT_N_TYPES] = {FLOAT_MAPS(atan2, 15000, 25000)};

static const dvt_map_op ops[] = {
    {"add", add_maps},       {"subtract", subtract_maps},         {"multiply", multiply_maps},
    {"divide", divide_maps}, {"maximum", maximum_maps},           {"minimum", minimum_maps},
    {"power", power_maps},   {"floor_divide", floor_divide_maps}, {"remainder", remainder_maps},
    {"atan2", atan2_maps},
};

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    return dvt_map_prepare(ops, sizeof ops / sizeof ops[0], op, info);
}

#define NUMBERS(name) DVT_MAP_ROW(name, "T=" DVT_NUMBER_WORDS, prepare)
#define FLOATS(name) DVT_MAP_ROW(name, "T=" DVT_FLOAT_WORDS, prepare)

const dvt_kernel_def dvt_cpu_arithmetic_rows[] = {
    NUMBERS("add"),       NUMBERS("subtract"), NUMBERS("multiply"), FLOATS("divide"),
    NUMBERS("maximum"),   NUMBERS("minimum"),  NUMBERS("power"),    NUMBERS("floor_divide"),
    NUMBERS("remainder"), FLOATS("atan2"),
};
const uint32_t dvt_cpu_arithmetic_count =
    sizeof dvt_cpu_arithmetic_rows / sizeof dvt_cpu_arithmetic_rows[0];
