/* Bits of integers. A shift by the width of the type or more, or by a negative count taken as a large
 * unsigned one, leaves nothing: 0, or -1 where a negative number goes to the right. */
#include "loops.h"
#include "rows.h"

#define BITS(end, END, type)                                                                       \
    DVT_BINARY_LOOP(bitwise_and_##end, type, type, x &y)                                           \
    DVT_BINARY_LOOP(bitwise_or_##end, type, type, x | y)                                           \
    DVT_BINARY_LOOP(bitwise_xor_##end, type, type, x ^ y)                                          \
    DVT_UNARY_LOOP(bitwise_invert_##end, type, type, ~x)                                           \
    DVT_BINARY_LOOP(bitwise_left_shift_##end, type, type,                                          \
                    (uint64_t)y < 8 * sizeof(type) ? (uint64_t)x << ((uint64_t)y & 63) : 0)        \
    DVT_BINARY_LOOP(bitwise_right_shift_##end, type, type,                                         \
                    (uint64_t)y < 8 * sizeof(type) ? x >> ((uint64_t)y & (8 * sizeof(type) - 1))   \
                                                   : (x < 0 ? -1 : 0))
DVT_SIGNED_TYPES(BITS)
#undef BITS
#define BITS(end, END, type)                                                                       \
    DVT_BINARY_LOOP(bitwise_and_##end, type, type, x &y)                                           \
    DVT_BINARY_LOOP(bitwise_or_##end, type, type, x | y)                                           \
    DVT_BINARY_LOOP(bitwise_xor_##end, type, type, x ^ y)                                          \
    DVT_UNARY_LOOP(bitwise_invert_##end, type, type, ~x)                                           \
    DVT_BINARY_LOOP(bitwise_left_shift_##end, type, type,                                          \
                    y < 8 * sizeof(type) ? (uint64_t)x << (y & 63u) : 0)                           \
    DVT_BINARY_LOOP(bitwise_right_shift_##end, type, type,                                         \
                    y < 8 * sizeof(type) ? x >> (y & (8 * sizeof(type) - 1)) : 0)
DVT_UNSIGNED_TYPES(BITS)
DVT_UNARY_LOOP(bitwise_invert_bool, uint8_t, uint8_t, x ^ 1)

#define INTEGERS(name)                                                                             \
    [DVT_TYPE_I8] = DVT_BINARY_MAP(name##_i8, int8_t, 80),                                         \
    [DVT_TYPE_I16] = DVT_BINARY_MAP(name##_i16, int16_t, 150),                                     \
    [DVT_TYPE_I32] = DVT_BINARY_MAP(name##_i32, int32_t, 300),                                     \
    [DVT_TYPE_I64] = DVT_BINARY_MAP(name##_i64, int64_t, 600),                                     \
    [DVT_TYPE_U8] = DVT_BINARY_MAP(name##_u8, uint8_t, 80),                                        \
    [DVT_TYPE_U16] = DVT_BINARY_MAP(name##_u16, uint16_t, 150),                                    \
    [DVT_TYPE_U32] = DVT_BINARY_MAP(name##_u32, uint32_t, 300),                                    \
    [DVT_TYPE_U64] = DVT_BINARY_MAP(name##_u64, uint64_t, 600)
#define WITH_BOOL(name)                                                                            \
    static const dvt_map name##_maps[DVT_N_TYPES] = {                                              \
        [DVT_TYPE_BOOL] = DVT_BINARY_MAP(name##_u8, uint8_t, 80), INTEGERS(name)}
WITH_BOOL(bitwise_and);
WITH_BOOL(bitwise_or);
WITH_BOOL(bitwise_xor);
static const dvt_map bitwise_left_shift_maps[DVT_N_TYPES] = {INTEGERS(bitwise_left_shift)};
static const dvt_map bitwise_right_shift_maps[DVT_N_TYPES] = {INTEGERS(bitwise_right_shift)};
#define INVERT(end, END, type)                                                                     \
    [DVT_TYPE_##END] = DVT_UNARY_MAP(bitwise_invert_##end, type, 50 * sizeof(type)),
static const dvt_map bitwise_invert_maps[DVT_N_TYPES] = {
    DVT_INTEGER_TYPES(INVERT)[DVT_TYPE_BOOL] = DVT_UNARY_MAP(bitwise_invert_bool, uint8_t, 50)};

static const dvt_map_op ops[] = {
    {"bitwise_and", bitwise_and_maps},
    {"bitwise_or", bitwise_or_maps},
    {"bitwise_xor", bitwise_xor_maps},
    {"bitwise_invert", bitwise_invert_maps},
    {"bitwise_left_shift", bitwise_left_shift_maps},
    {"bitwise_right_shift", bitwise_right_shift_maps},
};

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    return dvt_map_prepare(ops, sizeof ops / sizeof ops[0], op, info);
}

#define ROW(name) DVT_MAP_ROW(name, "T=bool|" DVT_INTEGER_WORDS, prepare)
#define INTEGER_ROW(name) DVT_MAP_ROW(name, "T=" DVT_INTEGER_WORDS, prepare)

const dvt_kernel_def dvt_cpu_bitwise_rows[] = {
    ROW("bitwise_and"),
    ROW("bitwise_or"),
    ROW("bitwise_xor"),
    ROW("bitwise_invert"),
    INTEGER_ROW("bitwise_left_shift"),
    INTEGER_ROW("bitwise_right_shift"),
};
const uint32_t dvt_cpu_bitwise_count = sizeof dvt_cpu_bitwise_rows / sizeof dvt_cpu_bitwise_rows[0];
