/* The innermost loops of scatter, scatter_add and scatter_add_along_axis for each type. */
#include "scatter.h"

#include <string.h>

#include "half.h"

/* `assign` is = or +=. Updates never share memory with the result. Single elements get a loop of their
 * own. */
#define ROWS(name, type, assign)                                                                   \
    static void name##_row(void *to, const void *from, int64_t n) {                                \
        type *restrict const row = to;                                                             \
        const type *restrict const update = from;                                                  \
        for (int64_t i = 0; i < n; i++) row[i] assign update[i];                                   \
    }                                                                                              \
    static void name##_rows(void *to_bytes, const void *from, const int64_t *positions, int64_t n, \
                            int64_t width) {                                                       \
        type *const to = to_bytes;                                                                 \
        const type *const updates = from;                                                          \
        if (width == 1) {                                                                          \
            for (int64_t k = 0; k < n; k++) to[positions[k]] assign updates[k];                    \
            return;                                                                                \
        }                                                                                          \
        for (int64_t k = 0; k < n; k++)                                                            \
            for (int64_t i = 0; i < width; i++)                                                    \
                to[positions[k] * width + i] assign updates[k * width + i];                        \
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

/* Signed integers are added as unsigned ones, which wrap. */
#define ADD(end, type)                                                                             \
    ROWS(add_##end, type, +=)                                                                      \
    ALONG(along_##end, type)

ADD(u8, uint8_t)
ADD(u16, uint16_t)
ADD(u32, uint32_t)
ADD(u64, uint64_t)
ADD(f32, float)
ADD(f64, double)
ROWS(set_u8, uint8_t, =)
ROWS(set_u16, uint16_t, =)
ROWS(set_u32, uint32_t, =)
ROWS(set_u64, uint64_t, =)

#define SET(end, type)                                                                             \
    {.name = "scatter",                                                                            \
     .row = set_##end##_row,                                                                       \
     .rows = set_##end##_rows,                                                                     \
     .last_wins = 1,                                                                               \
     .size = sizeof(type),                                                                         \
     .sum_size = sizeof(type)}
#define SUM(op, end, type)                                                                         \
    {.name = op,                                                                                   \
     .row = add_##end##_row,                                                                       \
     .rows = add_##end##_rows,                                                                     \
     .along = along_##end,                                                                         \
     .size = sizeof(type),                                                                         \
     .sum_size = sizeof(type)}
#define HALF_SUM(op, kind)                                                                         \
    {.name = op,                                                                                   \
     .row = add_f32_row,                                                                           \
     .rows = add_f32_rows,                                                                         \
     .along = along_f32,                                                                           \
     .half = kind,                                                                                 \
     .size = 2,                                                                                    \
     .sum_size = sizeof(float)}
#define SUMS(op)                                                                                   \
    {[DVT_TYPE_I8] = SUM(op, u8, uint8_t),        [DVT_TYPE_I16] = SUM(op, u16, uint16_t),         \
     [DVT_TYPE_I32] = SUM(op, u32, uint32_t),     [DVT_TYPE_I64] = SUM(op, u64, uint64_t),         \
     [DVT_TYPE_U8] = SUM(op, u8, uint8_t),        [DVT_TYPE_U16] = SUM(op, u16, uint16_t),         \
     [DVT_TYPE_U32] = SUM(op, u32, uint32_t),     [DVT_TYPE_U64] = SUM(op, u64, uint64_t),         \
     [DVT_TYPE_F16] = HALF_SUM(op, DVT_HALF_F16), [DVT_TYPE_BF16] = HALF_SUM(op, DVT_HALF_BF16),   \
     [DVT_TYPE_F32] = SUM(op, f32, float),        [DVT_TYPE_F64] = SUM(op, f64, double)}

/* By the logarithm of the element's size. */
static const dvt_scattering sets[4] = {SET(u8, uint8_t), SET(u16, uint16_t), SET(u32, uint32_t),
                                       SET(u64, uint64_t)};
static const dvt_scattering sums[DVT_N_TYPES] = SUMS("scatter_add");
static const dvt_scattering sums_along[DVT_N_TYPES] = SUMS("scatter_add_along_axis");

const dvt_scattering *dvt_scattering_of(const char *op, dvt_type type) {
    if (type == DVT_N_TYPES) return NULL;
    if (strcmp(op, sets[0].name) == 0) return &sets[__builtin_ctz(dvt_type_size(type))];
    const dvt_scattering *const found = strcmp(op, sums[DVT_TYPE_F64].name) == 0 ? &sums[type]
                                        : strcmp(op, sums_along[DVT_TYPE_F64].name) == 0
                                            ? &sums_along[type]
                                            : NULL;
    return found && found->rows ? found : NULL;
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
