/* Macros that make a dvt_map_fn from an expression. The output may be one of the inputs, so nothing
 * is restrict; ivdep says that no iteration needs another's result. */
#ifndef DVT_CPU_LOOPS_H
#define DVT_CPU_LOOPS_H

#include "map.h"
#include "vec.h"

/* Element x (and y) of type `in`. */
#define DVT_UNARY_LOOP(name, in, out, expression)                                                  \
    static void name(void *const *p, size_t n) {                                                   \
        out *const to = p[0];                                                                      \
        const in *const a = p[1];                                                                  \
        DVT_INDEPENDENT for (size_t i = 0; i < n; i++) {                                           \
            const in x = a[i];                                                                     \
            to[i] = (out)(expression);                                                             \
        }                                                                                          \
    }

#define DVT_BINARY_LOOP(name, in, out, expression)                                                 \
    static void name(void *const *p, size_t n) {                                                   \
        out *const to = p[0];                                                                      \
        const in *const a = p[1];                                                                  \
        const in *const b = p[2];                                                                  \
        DVT_INDEPENDENT for (size_t i = 0; i < n; i++) {                                           \
            const in x = a[i], y = b[i];                                                           \
            to[i] = (out)(expression);                                                             \
        }                                                                                          \
    }

/* Vectors x (and y) of kind vf or vd. The last, short vector goes through the same expression, so
 * an element's result does not depend on where it lies. */
#define DVT_VECTOR_UNARY(name, kind, type, lanes, expression)                                      \
    static void name(void *const *p, size_t n) {                                                   \
        type *const to = p[0];                                                                     \
        const type *const a = p[1];                                                                \
        size_t i = 0;                                                                              \
        for (; i + (lanes) <= n; i += (lanes)) {                                                   \
            const dvt_##kind x = dvt_##kind##_load(a + i);                                         \
            dvt_##kind##_store(to + i, expression);                                                \
        }                                                                                          \
        if (i < n) {                                                                               \
            const dvt_##kind x = dvt_##kind##_load_n(a + i, n - i);                                \
            dvt_##kind##_store_n(to + i, expression, n - i);                                       \
        }                                                                                          \
    }

#define DVT_VECTOR_BINARY(name, kind, type, lanes, expression)                                     \
    static void name(void *const *p, size_t n) {                                                   \
        type *const to = p[0];                                                                     \
        const type *const a = p[1];                                                                \
        const type *const b = p[2];                                                                \
        size_t i = 0;                                                                              \
        for (; i + (lanes) <= n; i += (lanes)) {                                                   \
            const dvt_##kind x = dvt_##kind##_load(a + i), y = dvt_##kind##_load(b + i);           \
            dvt_##kind##_store(to + i, expression);                                                \
        }                                                                                          \
        if (i < n) {                                                                               \
            const dvt_##kind x = dvt_##kind##_load_n(a + i, n - i);                                \
            const dvt_##kind y = dvt_##kind##_load_n(b + i, n - i);                                \
            dvt_##kind##_store_n(to + i, expression, n - i);                                       \
        }                                                                                          \
    }

#define DVT_VF_UNARY(name, expression) DVT_VECTOR_UNARY(name, vf, float, DVT_VF_LANES, expression)
#define DVT_VD_UNARY(name, expression) DVT_VECTOR_UNARY(name, vd, double, DVT_VD_LANES, expression)
#define DVT_VF_BINARY(name, expression) DVT_VECTOR_BINARY(name, vf, float, DVT_VF_LANES, expression)
#define DVT_VD_BINARY(name, expression)                                                            \
    DVT_VECTOR_BINARY(name, vd, double, DVT_VD_LANES, expression)

#endif
