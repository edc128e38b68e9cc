/* The primitives of lines. */
#include "line.h"

#include <math.h>
#include <string.h>

#include "half.h"
#include "vec_math.h"

#define dvt_vd_exp_falling dvt_vd_exp /* which has one scaling less to save */

/* Two sums side by side per function: the exponential keeps the processor busy besides. Of the last,
 * short vector only the first elements are added. */
#define LINE(end, kind, type, lanes)                                                               \
    static double exp_sum_##end(void *to, const void *from, double m, size_t n) {                  \
        type *const y = to, part[lanes];                                                           \
        const type *const x = from;                                                                \
        const dvt_##kind shift = dvt_##kind##_set1((type)m);                                       \
        dvt_##kind a = dvt_##kind##_set1(0), b = a;                                                \
        size_t i = 0;                                                                              \
        for (; i + 2 * (lanes) <= n; i += 2 * (lanes)) {                                           \
            const dvt_##kind p =                                                                   \
                dvt_##kind##_exp_falling(dvt_##kind##_sub(dvt_##kind##_load(x + i), shift));       \
            const dvt_##kind q = dvt_##kind##_exp_falling(                                         \
                dvt_##kind##_sub(dvt_##kind##_load(x + i + (lanes)), shift));                      \
            dvt_##kind##_store(y + i, p);                                                          \
            dvt_##kind##_store(y + i + (lanes), q);                                                \
            a = dvt_##kind##_add(a, p);                                                            \
            b = dvt_##kind##_add(b, q);                                                            \
        }                                                                                          \
        double sum = 0;                                                                            \
        while (i < n) {                                                                            \
            const size_t left = n - i < (lanes) ? n - i : (lanes);                                 \
            if (left == (lanes)) {                                                                 \
                const dvt_##kind p =                                                               \
                    dvt_##kind##_exp_falling(dvt_##kind##_sub(dvt_##kind##_load(x + i), shift));   \
                dvt_##kind##_store(y + i, p);                                                      \
                a = dvt_##kind##_add(a, p);                                                        \
            } else {                                                                               \
                const dvt_##kind p = dvt_##kind##_exp_falling(                                     \
                    dvt_##kind##_sub(dvt_##kind##_load_n(x + i, left), shift));                    \
                dvt_##kind##_store_n(y + i, p, left);                                              \
                dvt_##kind##_store(part, p);                                                       \
                for (size_t k = 0; k < left; k++) sum += (double)part[k];                          \
            }                                                                                      \
            i += left;                                                                             \
        }                                                                                          \
        dvt_##kind##_store(part, dvt_##kind##_add(a, b));                                          \
        for (size_t k = 0; k < (lanes); k++) sum += (double)part[k];                               \
        return sum;                                                                                \
    }                                                                                              \
    static void spread_##end(double sums[2], const void *from, double m, size_t n) {               \
        const type *const x = from;                                                                \
        const type mean = (type)m;                                                                 \
        const dvt_##kind shift = dvt_##kind##_set1(mean);                                          \
        dvt_##kind squares[4], lines[4];                                                           \
        for (int k = 0; k < 4; k++) squares[k] = lines[k] = dvt_##kind##_set1(0);                  \
        size_t i = 0;                                                                              \
        for (; i + 4 * (lanes) <= n; i += 4 * (lanes)) {                                           \
            DVT_ASK_AHEAD(x + i, 4 * (lanes) * sizeof(type));                                      \
            DVT_UNROLL for (size_t k = 0; k < 4; k++) {                                            \
                const dvt_##kind d =                                                               \
                    dvt_##kind##_sub(dvt_##kind##_load(x + i + k * (lanes)), shift);               \
                squares[k] = dvt_##kind##_fma(d, d, squares[k]);                                   \
                lines[k] = dvt_##kind##_add(d, lines[k]);                                          \
            }                                                                                      \
        }                                                                                          \
        type square[lanes], line[lanes];                                                           \
        dvt_##kind##_store(square, dvt_##kind##_add(dvt_##kind##_add(squares[0], squares[1]),      \
                                                    dvt_##kind##_add(squares[2], squares[3])));    \
        dvt_##kind##_store(line, dvt_##kind##_add(dvt_##kind##_add(lines[0], lines[1]),            \
                                                  dvt_##kind##_add(lines[2], lines[3])));          \
        for (size_t k = 0; k < (lanes); k++) {                                                     \
            sums[0] += (double)square[k];                                                          \
            sums[1] += (double)line[k];                                                            \
        }                                                                                          \
        for (; i < n; i++) {                                                                       \
            const double d = (double)(x[i] - mean);                                                \
            sums[0] += d * d;                                                                      \
            sums[1] += d;                                                                          \
        }                                                                                          \
    }                                                                                              \
    static void scale_##end(void *to, double factor, size_t n) {                                   \
        type *const y = to;                                                                        \
        const type f = (type)factor;                                                               \
        for (size_t i = 0; i < n; i++) y[i] *= f;                                                  \
    }                                                                                              \
    static void shift_##end(void *to, const void *from, double m, double l, size_t n) {            \
        type *const y = to;                                                                        \
        const type *const x = from;                                                                \
        const type by = (type)m, then = (type)l;                                                   \
        DVT_INDEPENDENT for (size_t i = 0; i < n; i++) y[i] = (x[i] - by) - then;                  \
    }                                                                                              \
    static void affine_##end(void *to, const void *from, double m, double l, double r,             \
                             const void *scale, const void *bias, size_t n) {                      \
        type *const y = to;                                                                        \
        const type *const x = from;                                                                \
        const type *const s = scale;                                                               \
        const type *const b = bias;                                                                \
        const type mean = (type)m, rest = (type)l, root = (type)r;                                 \
        DVT_INDEPENDENT for (size_t i = 0; i < n; i++) y[i] =                                      \
            ((x[i] - mean) - rest) * root * s[i] + b[i];                                           \
    }                                                                                              \
    static void columns_exp_sum_##end(void *to, void *sums, const void *from, const void *m,       \
                                      size_t n) {                                                  \
        type *const y = to, *const s = sums;                                                       \
        const type *const x = from;                                                                \
        const type *const by = m;                                                                  \
        for (size_t i = 0; i < n; i += (lanes)) {                                                  \
            const size_t left = n - i;                                                             \
            if (left >= (lanes)) {                                                                 \
                const dvt_##kind e = dvt_##kind##_exp_falling(                                     \
                    dvt_##kind##_sub(dvt_##kind##_load(x + i), dvt_##kind##_load(by + i)));        \
                dvt_##kind##_store(y + i, e);                                                      \
                dvt_##kind##_store(s + i, dvt_##kind##_add(dvt_##kind##_load(s + i), e));          \
            } else {                                                                               \
                const dvt_##kind e = dvt_##kind##_exp_falling(dvt_##kind##_sub(                    \
                    dvt_##kind##_load_n(x + i, left), dvt_##kind##_load_n(by + i, left)));         \
                dvt_##kind##_store_n(y + i, e, left);                                              \
                dvt_##kind##_store_n(s + i, dvt_##kind##_add(dvt_##kind##_load_n(s + i, left), e), \
                                     left);                                                        \
            }                                                                                      \
        }                                                                                          \
    }                                                                                              \
    static void columns_scale_##end(void *to, const void *factor, size_t n) {                      \
        type *const y = to;                                                                        \
        const type *const f = factor;                                                              \
        DVT_INDEPENDENT for (size_t i = 0; i < n; i++) y[i] *= f[i];                               \
    }                                                                                              \
    static void columns_shift_##end(void *to, const void *from, const void *m, const void *l,      \
                                    size_t n) {                                                    \
        type *const y = to;                                                                        \
        const type *const x = from;                                                                \
        const type *const by = m;                                                                  \
        const type *const then = l;                                                                \
        DVT_INDEPENDENT for (size_t i = 0; i < n; i++) y[i] = (x[i] - by[i]) - then[i];            \
    }                                                                                              \
    static void columns_log_##end(void *to, const void *from, size_t n) {                          \
        type *const y = to;                                                                        \
        const type *const x = from;                                                                \
        for (size_t i = 0; i < n; i++) y[i] = (type)log((double)x[i]);                             \
    }                                                                                              \
    static void columns_reciprocal_##end(void *to, const void *from, size_t n) {                   \
        type *const y = to;                                                                        \
        const type *const x = from;                                                                \
        for (size_t i = 0; i < n; i++) y[i] = 1 / x[i];                                            \
    }

LINE(f32, vf, float, DVT_VF_LANES)
LINE(f64, vd, double, DVT_VD_LANES)

#define KIND(end, type)                                                                            \
    {.size = sizeof(type),                                                                         \
     .stored = sizeof(type),                                                                       \
     .exp_sum = exp_sum_##end,                                                                     \
     .scale = scale_##end,                                                                         \
     .shift = shift_##end,                                                                         \
     .spread = spread_##end,                                                                       \
     .affine = affine_##end,                                                                       \
     .columns_exp_sum = columns_exp_sum_##end,                                                     \
     .columns_scale = columns_scale_##end,                                                         \
     .columns_shift = columns_shift_##end,                                                         \
     .columns_log = columns_log_##end,                                                             \
     .columns_reciprocal = columns_reciprocal_##end}

int dvt_line_kind_of(dvt_type type, dvt_line_kind *kind) {
    static const dvt_line_kind single = KIND(f32, float), twice = KIND(f64, double);
    const dvt_half half = dvt_half_of(type);
    if (type != DVT_TYPE_F32 && type != DVT_TYPE_F64 && half == DVT_HALF_NONE) return 0;
    *kind = type == DVT_TYPE_F64 ? twice : single;
    kind->stored = dvt_type_size(type);
    kind->half = half;
    const dvt_type computed = type == DVT_TYPE_F64 ? DVT_TYPE_F64 : DVT_TYPE_F32;
    kind->max = dvt_reduction_of("max", computed);
    kind->sum = dvt_reduction_of("sum", computed);
    return 1;
}

const void *dvt_line_read(const dvt_line_kind *kind, const void *stored, void *room, size_t n) {
    if (kind->half == DVT_HALF_NONE) return stored;
    dvt_half_widen(kind->half, room, stored, n);
    return room;
}

void dvt_line_write(const dvt_line_kind *kind, void *stored, const void *computed, size_t n) {
    if (kind->half != DVT_HALF_NONE)
        dvt_half_narrow(kind->half, stored, computed, n);
    else if (stored != computed)
        memcpy(stored, computed, n * kind->size);
}

static double as_double(const dvt_line_kind *kind, const void *element) {
    float single;
    double twice;
    if (kind->size == sizeof twice) {
        memcpy(&twice, element, sizeof twice);
        return twice;
    }
    memcpy(&single, element, sizeof single);
    return (double)single;
}

double dvt_line_max(const dvt_line_kind *kind, const void *stored, int64_t n) {
    float room[DVT_LINE_BLOCK];
    double max = -HUGE_VAL;
    for (int64_t i = 0; i < n; i += DVT_LINE_BLOCK) {
        const size_t part = (size_t)(n - i < DVT_LINE_BLOCK ? n - i : DVT_LINE_BLOCK);
        const char *const block = (const char *)stored + i * (int64_t)kind->stored;
        double element;
        kind->max->block(&element, dvt_line_read(kind, block, room, part), part);
        const double here = as_double(kind, &element);
        max = here > max || here != here ? here : max;
    }
    return max;
}

double dvt_line_sum(const dvt_line_kind *kind, const void *stored, int64_t n) {
    float room[DVT_LINE_BLOCK];
    double sum = 0;
    for (int64_t i = 0; i < n; i += DVT_LINE_BLOCK) {
        const size_t part = (size_t)(n - i < DVT_LINE_BLOCK ? n - i : DVT_LINE_BLOCK);
        const char *const block = (const char *)stored + i * (int64_t)kind->stored;
        double element;
        kind->sum->block(&element, dvt_line_read(kind, block, room, part), part);
        sum += as_double(kind, &element);
    }
    return sum;
}
