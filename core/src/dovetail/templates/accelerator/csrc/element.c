/* Element-wise arithmetic as the op records define it: integers wrap, NaN wins over any number. */
#include "element.h"

#include <math.h>
#include <string.h>

/* One loop: `value` is made of a and b. */
#define LOOP(name, type, value)                                                                    \
    static void name(const void *x, const void *y, void *z, uint64_t n) {                          \
        const type *p = x, *q = y;                                                                 \
        type *r = z;                                                                               \
        (void)q;                                                                                   \
        for (uint64_t i = 0; i < n; i++) {                                                         \
            const type a = p[i];                                                                   \
            r[i] = (value);                                                                        \
        }                                                                                          \
    }
#define LOOP2(name, type, value)                                                                   \
    static void name(const void *x, const void *y, void *z, uint64_t n) {                          \
        const type *p = x, *q = y;                                                                 \
        type *r = z;                                                                               \
        for (uint64_t i = 0; i < n; i++) {                                                         \
            const type a = p[i], b = q[i];                                                         \
            r[i] = (value);                                                                        \
        }                                                                                          \
    }
/* Signed overflow is undefined in C and wraps in the records: go through unsigned. */
#define WRAP32(a, operator, b) (int32_t)((uint32_t)(a)operator(uint32_t)(b))
#define WRAP64(a, operator, b) (int64_t)((uint64_t)(a)operator(uint64_t)(b))
#define ARITHMETIC(name, operator)                                                                 \
    LOOP2(name##_f32, float, a operator b)                                                         \
    LOOP2(name##_f64, double, a operator b)                                                        \
    LOOP2(name##_i32, int32_t, WRAP32(a, operator, b))                                             \
    LOOP2(name##_i64, int64_t, WRAP64(a, operator, b))
#define CHOICE(name, operator)                                                                     \
    LOOP2(name##_f32, float, a operator b || a != a ? a : b)                                       \
    LOOP2(name##_f64, double, a operator b || a != a ? a : b)                                      \
    LOOP2(name##_i32, int32_t, a operator b ? a : b)                                               \
    LOOP2(name##_i64, int64_t, a operator b ? a : b)

ARITHMETIC(add, +)
ARITHMETIC(subtract, -)
ARITHMETIC(multiply, *)
CHOICE(maximum, >)
CHOICE(minimum, <)
LOOP2(divide_f32, float, a / b)
LOOP2(divide_f64, double, a / b)
LOOP(negative_f32, float, -a)
LOOP(negative_f64, double, -a)
LOOP(negative_i32, int32_t, WRAP32(0, -, a))
LOOP(negative_i64, int64_t, WRAP64(0, -, a))
LOOP(exp_f32, float, expf(a))
LOOP(exp_f64, double, exp(a))

#define REAL(name) {name##_f32, name##_f64, NULL, NULL}
#define ANY(name) {name##_f32, name##_f64, name##_i32, name##_i64}

const element_op element_ops[] = {
    {"add", 2, ANY(add)},           {"subtract", 2, ANY(subtract)}, {"multiply", 2, ANY(multiply)},
    {"divide", 2, REAL(divide)},    {"maximum", 2, ANY(maximum)},   {"minimum", 2, ANY(minimum)},
    {"negative", 1, ANY(negative)}, {"exp", 1, REAL(exp)},
};
const uint32_t n_element_ops = sizeof element_ops / sizeof element_ops[0];

const element_op *element_find(const char *name, uint32_t version) {
    if (version != 1) return NULL;
    for (uint32_t i = 0; i < n_element_ops; i++)
        if (strcmp(element_ops[i].name, name) == 0) return &element_ops[i];
    return NULL;
}

static const struct {
    uint8_t code, bits;
    const char *word;
} TYPES[N_TYPES] = {
    {DVT_FLOAT, 32, "f32"}, {DVT_FLOAT, 64, "f64"}, {DVT_INT, 32, "i32"}, {DVT_INT, 64, "i64"}};

element_type element_type_of(dvt_dtype t) {
    element_type i = 0;
    while (i < N_TYPES && (TYPES[i].code != t.code || TYPES[i].bits != t.bits || t.lanes != 1)) i++;
    return i;
}

uint64_t element_bytes(element_type type) {
    return TYPES[type].bits / 8u;
}

const char *element_word(element_type type) {
    return TYPES[type].word;
}
