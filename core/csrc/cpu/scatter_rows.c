/* The innermost loops of the scattering ops for each type. */
#include "scatter.h"

#include <string.h>

#include "half.h"

/* PUT(a, b) is what becomes of element a by update b, which never share memory. Single elements get a
 * loop of their own. */
#define ROWS(name, type, PUT)                                                                      \
    static void name##_row(void *to, const void *from, int64_t n) {                                \
        type *restrict const row = to;                                                             \
        const type *restrict const update = from;                                                  \
        for (int64_t i = 0; i < n; i++) row[i] = PUT(type, row[i], update[i]);                     \
    }                                                                                              \
    static void name##_rows(void *to_bytes, const void *from, const int64_t *positions, int64_t n, \
                            int64_t width) {                                                       \
        type *const to = to_bytes;                                                                 \
        const type *const updates = from;                                                          \
        if (width == 1) {                                                                          \
            for (int64_t k = 0; k < n; k++)                                                        \
                to[positions[k]] = PUT(type, to[positions[k]], updates[k]);                        \
            return;                                                                                \
        }                                                                                          \
        for (int64_t k = 0; k < n; k++) {                                                          \
            type *const row = to + positions[k] * width;                                           \
            for (int64_t i = 0; i < width; i++)                                                    \
                row[i] = PUT(type, row[i], updates[k * width + i]);                                \
        }                                                                                          \
    }

#define ALONG(name, type)                                                                          \
    static void name(void *to_bytes, int64_t to_stride, const void *from,                          \
                     const int64_t *positions, int64_t n, int64_t first, int64_t width) {          \
        type *const to = to_bytes;                                                                 \
        const type *const updates = from;                                                          \
        for (int64_t i = 0, column = first; i < n; i++) {                                          \
            to[positions[i] * to_stride + column] += updates[i];                                   \
            column = column + 1 == width ? 0 : column + 1;                                         \
        }                                                                                          \
    }

/* Signed integers are added and multiplied as unsigned ones, which wrap; 1u keeps 16-bit factors from
 * becoming signed. The larger and the smaller of two are NaN where one is. */
#define SET(type, a, b) (b)
#define SUM(type, a, b) ((type)((a) + (b)))
#define PRODUCT(type, a, b) ((type)(1u * (a) * (b)))
#define REAL_PRODUCT(type, a, b) ((a) * (b))
#define SMALLER(type, a, b) ((b) < (a) ? (b) : (a))
#define LARGER(type, a, b) ((b) > (a) ? (b) : (a))
#define REAL_SMALLER(type, a, b) ((b) < (a) || (b) != (b) ? (b) : (a))
#define REAL_LARGER(type, a, b) ((b) > (a) || (b) != (b) ? (b) : (a))

#define BITS(end, END, type)                                                                       \
    ROWS(set_##end, type, SET)                                                                     \
    ROWS(add_##end, type, SUM)                                                                     \
    ALONG(along_##end, type)                                                                       \
    ROWS(multiply_##end, type, PRODUCT)
#define ORDER(end, END, type)                                                                      \
    ROWS(minimum_##end, type, SMALLER)                                                             \
    ROWS(maximum_##end, type, LARGER)
#define REAL(end, END, type)                                                                       \
    ROWS(add_##end, type, SUM)                                                                     \
    ALONG(along_##end, type)                                                                       \
    ROWS(multiply_##end, type, REAL_PRODUCT)                                                       \
    ROWS(minimum_##end, type, REAL_SMALLER)                                                        \
    ROWS(maximum_##end, type, REAL_LARGER)

DVT_UNSIGNED_TYPES(BITS)
DVT_INTEGER_TYPES(ORDER)
DVT_REAL_TYPES(REAL)

#define ONE(op, put, end, type)                                                                    \
    {.name = op,                                                                                   \
     .row = put##_##end##_row,                                                                     \
     .rows = put##_##end##_rows,                                                                   \
     .size = sizeof(type),                                                                         \
     .sum_size = sizeof(type)}
#define HALF(op, put, kind)                                                                        \
    {.name = op,                                                                                   \
     .row = put##_f32_row,                                                                         \
     .rows = put##_f32_rows,                                                                       \
     .along = along_f32,                                                                           \
     .half = kind,                                                                                 \
     .size = 2,                                                                                    \
     .sum_size = sizeof(float)}
#define ALONG_ONE(op, put, end, type)                                                              \
    {.name = op,                                                                                   \
     .row = put##_##end##_row,                                                                     \
     .rows = put##_##end##_rows,                                                                   \
     .along = along_##end,                                                                         \
     .size = sizeof(type),                                                                         \
     .sum_size = sizeof(type)}
/* Signed integers by the functions of the unsigned ones, unless their order matters. */
#define ALL_TYPES(ONE, op, put, s8, s16, s32, s64)                                                 \
    {[DVT_TYPE_I8] = ONE(op, put, s8, uint8_t),    [DVT_TYPE_I16] = ONE(op, put, s16, uint16_t),   \
     [DVT_TYPE_I32] = ONE(op, put, s32, uint32_t), [DVT_TYPE_I64] = ONE(op, put, s64, uint64_t),   \
     [DVT_TYPE_U8] = ONE(op, put, u8, uint8_t),    [DVT_TYPE_U16] = ONE(op, put, u16, uint16_t),   \
     [DVT_TYPE_U32] = ONE(op, put, u32, uint32_t), [DVT_TYPE_U64] = ONE(op, put, u64, uint64_t),   \
     [DVT_TYPE_F16] = HALF(op, put, DVT_HALF_F16), [DVT_TYPE_BF16] = HALF(op, put, DVT_HALF_BF16), \
     [DVT_TYPE_F32] = ONE(op, put, f32, float),    [DVT_TYPE_F64] = ONE(op, put, f64, double)}

/* By the logarithm of the element's size; the last of several updates wins. */
#define LAST(end, type)                                                                            \
    {.name = "scatter",                                                                            \
     .row = set_##end##_row,                                                                       \
     .rows = set_##end##_rows,                                                                     \
     .last_wins = 1,                                                                               \
     .size = sizeof(type),                                                                         \
     .sum_size = sizeof(type)}
static const dvt_scattering sets[4] = {LAST(u8, uint8_t), LAST(u16, uint16_t), LAST(u32, uint32_t),
                                       LAST(u64, uint64_t)};
static const dvt_scattering tables[][DVT_N_TYPES] = {
    ALL_TYPES(ALONG_ONE, "scatter_add", add, u8, u16, u32, u64),
    ALL_TYPES(ALONG_ONE, "scatter_add_along_axis", add, u8, u16, u32, u64),
    ALL_TYPES(ONE, "scatter_multiply", multiply, u8, u16, u32, u64),
    ALL_TYPES(ONE, "scatter_minimum", minimum, i8, i16, i32, i64),
    ALL_TYPES(ONE, "scatter_maximum", maximum, i8, i16, i32, i64),
};

const dvt_scattering *dvt_scattering_of(const char *op, dvt_type type) {
    if (type == DVT_N_TYPES) return NULL;
    if (strcmp(op, sets[0].name) == 0) return &sets[__builtin_ctz(dvt_type_size(type))];
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        if (strcmp(op, tables[i][DVT_TYPE_F64].name) == 0)
            return tables[i][type].rows ? &tables[i][type] : NULL;
    return NULL;
}

void dvt_scatter_load(const dvt_scattering *s, void *to, const void *x, int64_t n) {
    if (s->half != DVT_HALF_NONE)
        dvt_half_widen(s->half, to, x, (size_t)n);
    else if (to != x)
        memcpy(to, x, (size_t)n * s->size);
}

void dvt_scatter_store(const dvt_scattering *s, void *to, const void *from, int64_t n) {
    if (s->half != DVT_HALF_NONE)
        dvt_half_narrow(s->half, to, from, (size_t)n);
    else if (to != from)
        memcpy(to, from, (size_t)n * s->size);
}
