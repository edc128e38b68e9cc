/* The primitives of reductions, per op and type. */
#include <math.h>
#include <string.h>

#include "reduce.h"
#include "vec.h"

#define EACH_ROW(x) ((const void *)((const char *)(x) + (int64_t)r * stride))

/* Floats: four vectors of partial results side by side, so that an element meets few roundings and
 * the additions do not wait for each other. */
#define FLOAT_REDUCTION(name, kind, type, lanes, join, one, start)                                 \
    static void name##_block(void *result, const void *data, size_t n) {                           \
        const type *const x = data;                                                                \
        dvt_##kind a = dvt_##kind##_set1(start), b = a, c = a, d = a;                              \
        size_t i = 0;                                                                              \
        for (; i + 4 * (lanes) <= n; i += 4 * (lanes)) {                                           \
            DVT_ASK_AHEAD(x + i, 4 * (lanes) * sizeof(type));                                      \
            a = join(a, dvt_##kind##_load(x + i));                                                 \
            b = join(b, dvt_##kind##_load(x + i + (lanes)));                                       \
            c = join(c, dvt_##kind##_load(x + i + 2 * (lanes)));                                   \
            d = join(d, dvt_##kind##_load(x + i + 3 * (lanes)));                                   \
        }                                                                                          \
        for (; i + (lanes) <= n; i += (lanes)) a = join(a, dvt_##kind##_load(x + i));              \
        type part[lanes], total = start;                                                           \
        dvt_##kind##_store(part, join(join(a, b), join(c, d)));                                    \
        for (size_t width = (lanes) / 2; width > 0; width /= 2) {                                  \
            for (size_t k = 0; k < width; k++) part[k] = one(part[k], part[k + width]);            \
        }                                                                                          \
        for (; i < n; i++) total = one(total, x[i]);                                               \
        *(type *)result = one(part[0], total);                                                     \
    }                                                                                              \
    static void name##_rows(void *sums, const void *x, int64_t stride, size_t n_rows, size_t n) {  \
        type *const s = sums;                                                                      \
        size_t r = 0;                                                                              \
        for (; r + 4 <= n_rows; r += 4) {                                                          \
            const type *const x0 = EACH_ROW(x);                                                    \
            const type *const x1 = (const void *)((const char *)x0 + stride);                      \
            const type *const x2 = (const void *)((const char *)x1 + stride);                      \
            const type *const x3 = (const void *)((const char *)x2 + stride);                      \
            size_t j = 0;                                                                          \
            for (; j + (lanes) <= n; j += (lanes)) {                                               \
                const dvt_##kind low = join(dvt_##kind##_load(x0 + j), dvt_##kind##_load(x1 + j)); \
                const dvt_##kind high =                                                            \
                    join(dvt_##kind##_load(x2 + j), dvt_##kind##_load(x3 + j));                    \
                dvt_##kind##_store(s + j, join(dvt_##kind##_load(s + j), join(low, high)));        \
            }                                                                                      \
            for (; j < n; j++) s[j] = one(s[j], one(one(x0[j], x1[j]), one(x2[j], x3[j])));        \
        }                                                                                          \
        for (; r < n_rows; r++) {                                                                  \
            const type *const row = EACH_ROW(x);                                                   \
            size_t j = 0;                                                                          \
            for (; j + (lanes) <= n; j += (lanes))                                                 \
                dvt_##kind##_store(s + j,                                                          \
                                   join(dvt_##kind##_load(s + j), dvt_##kind##_load(row + j)));    \
            for (; j < n; j++) s[j] = one(s[j], row[j]);                                           \
        }                                                                                          \
    }

#define ONE_ADD(x, y) ((x) + (y))
#define ONE_MUL(x, y) ((x) * (y))
/* A NaN on either side stays. */
#define ONE_MAX(x, y) ((x) > (y) || (x) != (x) ? (x) : (y))
#define ONE_MIN(x, y) ((x) < (y) || (x) != (x) ? (x) : (y))
#define JOIN_FOR(kind)                                                                             \
    DVT_INLINE dvt_##kind kind##_join_max(dvt_##kind x, dvt_##kind y) {                            \
        return dvt_##kind##_select(dvt_##kind##_ne(x, x), x, dvt_##kind##_max(x, y));              \
    }                                                                                              \
    DVT_INLINE dvt_##kind kind##_join_min(dvt_##kind x, dvt_##kind y) {                            \
        return dvt_##kind##_select(dvt_##kind##_ne(x, x), x, dvt_##kind##_min(x, y));              \
    }
JOIN_FOR(vf)
JOIN_FOR(vd)

FLOAT_REDUCTION(sum_f32, vf, float, DVT_VF_LANES, dvt_vf_add, ONE_ADD, 0.0f)
FLOAT_REDUCTION(sum_f64, vd, double, DVT_VD_LANES, dvt_vd_add, ONE_ADD, 0.0)
FLOAT_REDUCTION(prod_f32, vf, float, DVT_VF_LANES, dvt_vf_mul, ONE_MUL, 1.0f)
FLOAT_REDUCTION(prod_f64, vd, double, DVT_VD_LANES, dvt_vd_mul, ONE_MUL, 1.0)
FLOAT_REDUCTION(max_f32, vf, float, DVT_VF_LANES, vf_join_max, ONE_MAX, -HUGE_VALF)
FLOAT_REDUCTION(max_f64, vd, double, DVT_VD_LANES, vd_join_max, ONE_MAX, -HUGE_VAL)
FLOAT_REDUCTION(min_f32, vf, float, DVT_VF_LANES, vf_join_min, ONE_MIN, HUGE_VALF)
FLOAT_REDUCTION(min_f64, vd, double, DVT_VD_LANES, vd_join_min, ONE_MIN, HUGE_VAL)

/* Integers are exact in any order: the compiler's loops. W is the unsigned type that wraps. */
#define INTEGER_REDUCTION(name, type, expression)                                                  \
    static void name##_block(void *result, const void *data, size_t n) {                           \
        const type *const x = data;                                                                \
        type s = x[0];                                                                             \
        for (size_t i = 1; i < n; i++) {                                                           \
            const type y = x[i];                                                                   \
            s = (type)(expression);                                                                \
        }                                                                                          \
        *(type *)result = s;                                                                       \
    }                                                                                              \
    static void name##_rows(void *sums, const void *x, int64_t stride, size_t n_rows, size_t n) {  \
        type *const to = sums;                                                                     \
        for (size_t r = 0; r < n_rows; r++) {                                                      \
            const type *const row = EACH_ROW(x);                                                   \
            DVT_INDEPENDENT for (size_t j = 0; j < n; j++) {                                       \
                const type s = to[j], y = row[j];                                                  \
                to[j] = (type)(expression);                                                        \
            }                                                                                      \
        }                                                                                          \
    }
#define INTEGER_REDUCTIONS(end, END, type)                                                         \
    INTEGER_REDUCTION(sum_##end, type, (uint64_t)s + (uint64_t)y)                                  \
    INTEGER_REDUCTION(prod_##end, type, (uint64_t)s *(uint64_t)y)                                  \
    INTEGER_REDUCTION(max_##end, type, s > y ? s : y)                                              \
    INTEGER_REDUCTION(min_##end, type, s < y ? s : y)
DVT_INTEGER_TYPES(INTEGER_REDUCTIONS)
INTEGER_REDUCTION(any_bool, uint8_t, s | y)
INTEGER_REDUCTION(all_bool, uint8_t, s &y)

/* What an accumulator starts from. */
static const uint64_t zero = 0; /* in every type */
#define STARTS(end, type, low, high)                                                               \
    static const type one_##end = 1, lowest_##end = low, highest_##end = high;
STARTS(i8, int8_t, INT8_MIN, INT8_MAX)
STARTS(i16, int16_t, INT16_MIN, INT16_MAX)
STARTS(i32, int32_t, INT32_MIN, INT32_MAX)
STARTS(i64, int64_t, INT64_MIN, INT64_MAX)
STARTS(u8, uint8_t, 0, UINT8_MAX)
STARTS(u16, uint16_t, 0, UINT16_MAX)
STARTS(u32, uint32_t, 0, UINT32_MAX)
STARTS(u64, uint64_t, 0, UINT64_MAX)
STARTS(f32, float, -HUGE_VALF, HUGE_VALF)
STARTS(f64, double, -HUGE_VAL, HUGE_VAL)

#define ENTRY(op, end, type, from, empty, cost)                                                    \
    {.block = op##_##end##_block,                                                                  \
     .rows = op##_##end##_rows,                                                                    \
     .start = from,                                                                                \
     .may_be_empty = empty,                                                                        \
     .size = sizeof(type),                                                                         \
     .stored = sizeof(type),                                                                       \
     .picoseconds = cost,                                                                          \
     .name = #op}
#define HALF_ENTRY(op, kind, from, empty)                                                          \
    {.block = op##_f32_block,                                                                      \
     .rows = op##_f32_rows,                                                                        \
     .start = from,                                                                                \
     .may_be_empty = empty,                                                                        \
     .size = sizeof(float),                                                                        \
     .stored = 2,                                                                                  \
     .picoseconds = 250,                                                                           \
     .half = kind,                                                                                 \
     .name = #op}
#define NUMBERS(op, start_of, empty)                                                               \
    static const dvt_reduction op##_table[DVT_N_TYPES] = {                                         \
        [DVT_TYPE_I8] = ENTRY(op, i8, int8_t, start_of(i8), empty, 60),                            \
        [DVT_TYPE_I16] = ENTRY(op, i16, int16_t, start_of(i16), empty, 80),                        \
        [DVT_TYPE_I32] = ENTRY(op, i32, int32_t, start_of(i32), empty, 100),                       \
        [DVT_TYPE_I64] = ENTRY(op, i64, int64_t, start_of(i64), empty, 200),                       \
        [DVT_TYPE_U8] = ENTRY(op, u8, uint8_t, start_of(u8), empty, 60),                           \
        [DVT_TYPE_U16] = ENTRY(op, u16, uint16_t, start_of(u16), empty, 80),                       \
        [DVT_TYPE_U32] = ENTRY(op, u32, uint32_t, start_of(u32), empty, 100),                      \
        [DVT_TYPE_U64] = ENTRY(op, u64, uint64_t, start_of(u64), empty, 200),                      \
        [DVT_TYPE_F16] = HALF_ENTRY(op, DVT_HALF_F16, start_of(f32), empty),                       \
        [DVT_TYPE_BF16] = HALF_ENTRY(op, DVT_HALF_BF16, start_of(f32), empty),                     \
        [DVT_TYPE_F32] = ENTRY(op, f32, float, start_of(f32), empty, 100),                         \
        [DVT_TYPE_F64] = ENTRY(op, f64, double, start_of(f64), empty, 200),                        \
    }
#define ZERO(end) &zero
#define ONE(end) &one_##end
#define LOWEST(end) &lowest_##end
#define HIGHEST(end) &highest_##end
NUMBERS(sum, ZERO, 1);
NUMBERS(prod, ONE, 1);
NUMBERS(max, LOWEST, 0);
NUMBERS(min, HIGHEST, 0);
static const dvt_reduction any_table[DVT_N_TYPES] = {[DVT_TYPE_BOOL] =
                                                         ENTRY(any, bool, uint8_t, &zero, 1, 60)};
static const dvt_reduction all_table[DVT_N_TYPES] = {[DVT_TYPE_BOOL] =
                                                         ENTRY(all, bool, uint8_t, &one_u8, 1, 60)};

#define MEAN(function, kind, accumulator, bytes, cost)                                             \
    {.block = function##_block,                                                                    \
     .rows = function##_rows,                                                                      \
     .start = &zero,                                                                               \
     .may_be_empty = 1,                                                                            \
     .size = sizeof(accumulator),                                                                  \
     .stored = bytes,                                                                              \
     .picoseconds = cost,                                                                          \
     .half = kind,                                                                                 \
     .mean = 1,                                                                                    \
     .name = "mean"}
static const dvt_reduction mean_table[DVT_N_TYPES] = {
    [DVT_TYPE_F16] = MEAN(sum_f32, DVT_HALF_F16, float, 2, 250),
    [DVT_TYPE_BF16] = MEAN(sum_f32, DVT_HALF_BF16, float, 2, 250),
    [DVT_TYPE_F32] = MEAN(sum_f32, DVT_HALF_NONE, float, 4, 100),
    [DVT_TYPE_F64] = MEAN(sum_f64, DVT_HALF_NONE, double, 8, 200),
};

const dvt_reduction *dvt_reduction_of(const char *name, dvt_type type) {
    static const struct {
        const char *name;
        const dvt_reduction *table;
    } tables[] = {{"sum", sum_table}, {"prod", prod_table}, {"max", max_table},  {"min", min_table},
                  {"any", any_table}, {"all", all_table},   {"mean", mean_table}};
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++) {
        if (strcmp(tables[i].name, name) == 0)
            return type < DVT_N_TYPES && tables[i].table[type].block ? &tables[i].table[type]
                                                                     : NULL;
    }
    return NULL;
}
