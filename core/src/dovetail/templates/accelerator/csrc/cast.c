/* Conversion between dtypes (the op astype): floats saturate into integers and NaN becomes 0, integers
 * wrap into narrower ones, and anything but zero is true. */
#include <stdbool.h>

#include "kernel.h"

#define LOOP(name, from, to, value)                                                                \
    static void name(const void *x, void *z, uint64_t n) {                                         \
        const from *p = x;                                                                         \
        to *r = z;                                                                                 \
        for (uint64_t i = 0; i < n; i++) {                                                         \
            const from a = p[i];                                                                   \
            r[i] = (value);                                                                        \
        }                                                                                          \
    }
/* 2^31 and 2^63 are exact in double; what lies between them and the ends is rounded to zero. */
#define INTO32(a)                                                                                  \
    ((a) != (a)               ? 0                                                                  \
     : (double)(a) >= 0x1p31  ? INT32_MAX                                                          \
     : (double)(a) <= -0x1p31 ? INT32_MIN                                                          \
                              : (int32_t)(a))
#define INTO64(a)                                                                                  \
    ((a) != (a)               ? 0                                                                  \
     : (double)(a) >= 0x1p63  ? INT64_MAX                                                          \
     : (double)(a) <= -0x1p63 ? INT64_MIN                                                          \
                              : (int64_t)(a))
#define FROM(name, from, int32_value, int64_value)                                                 \
    LOOP(name##_bool, from, uint8_t, a != 0)                                                       \
    LOOP(name##_i32, from, int32_t, int32_value)                                                   \
    LOOP(name##_i64, from, int64_t, int64_value)                                                   \
    LOOP(name##_f32, from, float, (float)a)                                                        \
    LOOP(name##_f64, from, double, (double)a)

FROM(bool, uint8_t, a, a)
FROM(i32, int32_t, a, a)
FROM(i64, int64_t, (int32_t)(uint32_t)(uint64_t)a, a)
FROM(f32, float, INTO32(a), INTO64(a))
FROM(f64, double, INTO32(a), INTO64(a))

#define TO(name) {name##_bool, name##_i32, name##_i64, name##_f32, name##_f64}
#define N_CASTS 5

typedef void (*cast_fn)(const void *, void *, uint64_t);
static const cast_fn CASTS[N_CASTS][N_CASTS] = {TO(bool), TO(i32), TO(i64), TO(f32), TO(f64)};

static int place(dvt_dtype t) {
    static const dvt_dtype TYPES[N_CASTS] = {{DVT_BOOL, 8, 1},
                                             {DVT_INT, 32, 1},
                                             {DVT_INT, 64, 1},
                                             {DVT_FLOAT, 32, 1},
                                             {DVT_FLOAT, 64, 1}};
    for (int i = 0; i < N_CASTS; i++)
        if (TYPES[i].code == t.code && TYPES[i].bits == t.bits && t.lanes == 1) return i;
    return -1;
}

static void run_cast(const task *t, void *const *operands, void *workspace) {
    const dvt_kernel *k = (const dvt_kernel *)(const void *)t;
    (void)workspace;
    if (k->count > 0) k->cast(operands[0], operands[1], k->count);
}

dvt_status choose_cast(const dvt_op *op, dvt_kernel *k, const char **reason) {
    const int from = place(op->inputs[0]->dtype), to = place(op->outputs[0]->dtype);
    *reason = "it converts between bool, i32, i64, f32 and f64 alone";
    if (from < 0 || to < 0) return DVT_UNSUPPORTED;
    k->cast = CASTS[from][to];
    k->task.name = "astype";
    k->task.compute = run_cast;
    return DVT_OK;
}
