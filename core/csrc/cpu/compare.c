/* Comparisons, logic and choice. A bool is one byte, 0 or 1. */
#include "loops.h"
#include "rows.h"

#define COMPARE_ALL(end, END, type)                                                                \
    DVT_BINARY_LOOP(equal_##end, type, uint8_t, x == y)                                            \
    DVT_BINARY_LOOP(not_equal_##end, type, uint8_t, x != y)                                        \
    DVT_BINARY_LOOP(less_##end, type, uint8_t, x < y)                                              \
    DVT_BINARY_LOOP(less_equal_##end, type, uint8_t, x <= y)                                       \
    DVT_BINARY_LOOP(greater_##end, type, uint8_t, x > y)                                           \
    DVT_BINARY_LOOP(greater_equal_##end, type, uint8_t, x >= y)
DVT_INTEGER_TYPES(COMPARE_ALL)
DVT_REAL_TYPES(COMPARE_ALL)

DVT_BINARY_LOOP(logical_and_bool, uint8_t, uint8_t, x &y)
DVT_BINARY_LOOP(logical_or_bool, uint8_t, uint8_t, x | y)
DVT_BINARY_LOOP(logical_xor_bool, uint8_t, uint8_t, x ^ y)
DVT_UNARY_LOOP(logical_not_bool, uint8_t, uint8_t, x ^ 1)

/* Bits move as they are, whatever the type. */
#define WHERE(type)                                                                                \
    static void where_##type(void *const *p, size_t n) {                                           \
        type *const to = p[0];                                                                     \
        const uint8_t *const condition = p[1];                                                     \
        const type *const x = p[2];                                                                \
        const type *const y = p[3];                                                                \
        DVT_INDEPENDENT for (size_t i = 0; i < n; i++) {                                           \
            const type yes = x[i], no = y[i];                                                      \
            to[i] = condition[i] ? yes : no;                                                       \
        }                                                                                          \
    }
WHERE(uint8_t)
WHERE(uint16_t)
WHERE(uint32_t)
WHERE(uint64_t)
#define WHERE_MAP(type, cost)                                                                      \
    {                                                                                              \
        .fn = where_##type, .n_inputs = 3, .picoseconds = cost,                                    \
        .size = {sizeof(type), 1, sizeof(type), sizeof(type)}                                      \
    }
static const dvt_map where_by_size[] = {WHERE_MAP(uint8_t, 100), WHERE_MAP(uint16_t, 200),
                                        WHERE_MAP(uint32_t, 300), WHERE_MAP(uint64_t, 600)};

#define MAP(function, type, cost, kind)                                                            \
    {                                                                                              \
        .fn = function, .n_inputs = 2, .picoseconds = cost, .any_half = (kind) != DVT_HALF_NONE,   \
        .half = {DVT_HALF_NONE, kind, kind}, .size = {1, sizeof(type), sizeof(type)}               \
    }
#define TABLE(name)                                                                                \
    static const dvt_map name##_maps[DVT_N_TYPES] = {                                              \
        [DVT_TYPE_BOOL] = MAP(name##_u8, uint8_t, 80, DVT_HALF_NONE),                              \
        [DVT_TYPE_I8] = MAP(name##_i8, int8_t, 80, DVT_HALF_NONE),                                 \
        [DVT_TYPE_I16] = MAP(name##_i16, int16_t, 150, DVT_HALF_NONE),                             \
        [DVT_TYPE_I32] = MAP(name##_i32, int32_t, 250, DVT_HALF_NONE),                             \
        [DVT_TYPE_I64] = MAP(name##_i64, int64_t, 500, DVT_HALF_NONE),                             \
        [DVT_TYPE_U8] = MAP(name##_u8, uint8_t, 80, DVT_HALF_NONE),                                \
        [DVT_TYPE_U16] = MAP(name##_u16, uint16_t, 150, DVT_HALF_NONE),                            \
        [DVT_TYPE_U32] = MAP(name##_u32, uint32_t, 250, DVT_HALF_NONE),                            \
        [DVT_TYPE_U64] = MAP(name##_u64, uint64_t, 500, DVT_HALF_NONE),                            \
        [DVT_TYPE_F16] = MAP(name##_f32, uint16_t, 250, DVT_HALF_F16),                             \
        [DVT_TYPE_BF16] = MAP(name##_f32, uint16_t, 250, DVT_HALF_BF16),                           \
        [DVT_TYPE_F32] = MAP(name##_f32, float, 250, DVT_HALF_NONE),                               \
        [DVT_TYPE_F64] = MAP(name##_f64, double, 500, DVT_HALF_NONE)}
TABLE(equal);
TABLE(not_equal);
TABLE(less);
TABLE(less_equal);
TABLE(greater);
TABLE(greater_equal);

#define LOGICAL(name)                                                                              \
    static const dvt_map name##_maps[DVT_N_TYPES] = {[DVT_TYPE_BOOL] =                             \
                                                         DVT_BINARY_MAP(name##_bool, uint8_t, 80)}
LOGICAL(logical_and);
LOGICAL(logical_or);
LOGICAL(logical_xor);
static const dvt_map logical_not_maps[DVT_N_TYPES] = {
    [DVT_TYPE_BOOL] = DVT_UNARY_MAP(logical_not_bool, uint8_t, 60)};

static const dvt_map_op ops[] = {
    {"equal", equal_maps},
    {"not_equal", not_equal_maps},
    {"less", less_maps},
    {"less_equal", less_equal_maps},
    {"greater", greater_maps},
    {"greater_equal", greater_equal_maps},
    {"logical_and", logical_and_maps},
    {"logical_or", logical_or_maps},
    {"logical_xor", logical_xor_maps},
    {"logical_not", logical_not_maps},
};

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    return dvt_map_prepare(ops, sizeof ops / sizeof ops[0], op, info);
}

static dvt_status prepare_where(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    (void)error;
    const uint32_t size = dvt_type_size(dvt_type_of(op->outputs[0]->dtype));
    for (uint32_t i = 0; i < 4; i++) {
        if (size == 1u << i) {
            dvt_map_answer(&where_by_size[i], op, info);
            return DVT_OK;
        }
    }
    info->reason = "the CPU device has no where of this type";
    return DVT_UNSUPPORTED;
}

#define ROW(name) DVT_MAP_ROW(name, "T=" DVT_ALL_WORDS, prepare)
#define BOOL_ROW(name) DVT_MAP_ROW(name, "T=bool", prepare)

const dvt_kernel_def dvt_cpu_compare_rows[] = {
    ROW("equal"),
    ROW("not_equal"),
    ROW("less"),
    ROW("less_equal"),
    ROW("greater"),
    ROW("greater_equal"),
    BOOL_ROW("logical_and"),
    BOOL_ROW("logical_or"),
    BOOL_ROW("logical_xor"),
    BOOL_ROW("logical_not"),
    DVT_MAP_ROW("where", "T=" DVT_ALL_WORDS, prepare_where),
};
const uint32_t dvt_cpu_compare_count = sizeof dvt_cpu_compare_rows / sizeof dvt_cpu_compare_rows[0];
