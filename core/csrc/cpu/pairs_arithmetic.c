/* Arithmetic of complex numbers, where operands are contiguous or one number everywhere. numpy computes
 * all other layouts, by the same formulas; there as here a product may be added without rounding it,
 * where the machine can. */
#include <math.h>
#include <string.h>

#include "compiler.h"
#include "pairs.h"
#include "parallel.h"
#include "strided_loop.h"

typedef struct task {
    const void *x, *y;
    void *to;
    uint64_t x_step, y_step; /* 1 or 0: numbers from one element to the next */
} task;

typedef void (*loop_fn)(const task *t, uint64_t begin, uint64_t end);

/* a + bi and, of two operands, c + di; `re` and `im` give the parts of the result. */
#define BINARY(name, end, type, re, im)                                                            \
    static void name##_##end(const task *t, uint64_t begin, uint64_t stop) {                       \
        const type *const x = t->x, *const y = t->y;                                               \
        type *const to = t->to;                                                                    \
        const uint64_t step_x = 2 * t->x_step, step_y = 2 * t->y_step;                             \
        if (step_x == 2 && step_y == 2) {                                                          \
            for (uint64_t i = begin; i < stop; i++) {                                              \
                const type a = x[2 * i], b = x[2 * i + 1], c = y[2 * i], d = y[2 * i + 1];         \
                to[2 * i] = re;                                                                    \
                to[2 * i + 1] = im;                                                                \
            }                                                                                      \
            return;                                                                                \
        }                                                                                          \
        for (uint64_t i = begin; i < stop; i++) {                                                  \
            const type a = x[step_x * i], b = x[step_x * i + 1];                                   \
            const type c = y[step_y * i], d = y[step_y * i + 1];                                   \
            to[2 * i] = re;                                                                        \
            to[2 * i + 1] = im;                                                                    \
        }                                                                                          \
    }
#define UNARY(name, end, type, re, im)                                                             \
    static void name##_##end(const task *t, uint64_t begin, uint64_t stop) {                       \
        const type *const x = t->x;                                                                \
        type *const to = t->to;                                                                    \
        for (uint64_t i = begin; i < stop; i++) {                                                  \
            const type a = x[2 * i], b = x[2 * i + 1];                                             \
            to[2 * i] = re;                                                                        \
            to[2 * i + 1] = im;                                                                    \
        }                                                                                          \
    }
/* One number of type `out`. */
#define PART(name, end, type, out, value)                                                          \
    static void name##_##end(const task *t, uint64_t begin, uint64_t stop) {                       \
        const type *const x = t->x;                                                                \
        out *const to = t->to;                                                                     \
        for (uint64_t i = begin; i < stop; i++) to[i] = (out)(value);                              \
    }
#define COMPARISON(name, end, type, value)                                                         \
    static void name##_##end(const task *t, uint64_t begin, uint64_t stop) {                       \
        const type *const x = t->x, *const y = t->y;                                               \
        const uint64_t step_x = 2 * t->x_step, step_y = 2 * t->y_step;                             \
        uint8_t *const to = t->to;                                                                 \
        for (uint64_t i = begin; i < stop; i++) {                                                  \
            const type a = x[step_x * i], b = x[step_x * i + 1];                                   \
            const type c = y[step_y * i], d = y[step_y * i + 1];                                   \
            to[i] = (uint8_t)(value);                                                              \
        }                                                                                          \
    }

/* Smith's algorithm: no square of a part overflows. A zero divides both parts. Products are
 * rounded, as numpy rounds them. */
#define DIVISION(end, type, magnitude)                                                             \
    DVT_SCALAR static void divide_##end(const task *t, uint64_t begin, uint64_t stop) {            \
        const type *const x = t->x, *const y = t->y;                                               \
        const uint64_t step_x = 2 * t->x_step, step_y = 2 * t->y_step;                             \
        type *const to = t->to;                                                                    \
        for (uint64_t i = begin; i < stop; i++) {                                                  \
            const type a = x[step_x * i], b = x[step_x * i + 1];                                   \
            const type c = y[step_y * i], d = y[step_y * i + 1];                                   \
            const type size_c = magnitude(c), size_d = magnitude(d);                               \
            if (size_c >= size_d) {                                                                \
                if (size_c == 0 && size_d == 0) {                                                  \
                    to[2 * i] = a / size_c;                                                        \
                    to[2 * i + 1] = b / size_c;                                                    \
                    continue;                                                                      \
                }                                                                                  \
                const type ratio = d / c, scale = (type)1 / (c + d * ratio);                       \
                to[2 * i] = (a + b * ratio) * scale;                                               \
                to[2 * i + 1] = (b - a * ratio) * scale;                                           \
            } else {                                                                               \
                const type ratio = c / d, scale = (type)1 / (d + c * ratio);                       \
                to[2 * i] = (a * ratio + b) * scale;                                               \
                to[2 * i + 1] = (b * ratio - a) * scale;                                           \
            }                                                                                      \
        }                                                                                          \
    }

#define FAMILY(end, type, magnitude)                                                               \
    BINARY(add, end, type, a + c, b + d)                                                           \
    BINARY(subtract, end, type, a - c, b - d)                                                      \
    BINARY(multiply, end, type, a *c - b * d, a * d + b * c)                                       \
    DIVISION(end, type, magnitude)                                                                 \
    UNARY(negative, end, type, -a, -b)                                                             \
    UNARY(conj, end, type, a, -b)                                                                  \
    UNARY(square, end, type, a *a - b * b, a * b + b * a)                                          \
    PART(real, end, type, type, x[2 * i])                                                          \
    PART(imag, end, type, type, x[2 * i + 1])                                                      \
    COMPARISON(equal, end, type, a == c && b == d)                                                 \
    COMPARISON(not_equal, end, type, a != c || b != d)
FAMILY(f32, float, fabsf)
FAMILY(f64, double, fabs)
/* Squares of floats neither overflow as doubles nor round; those of doubles are left to numpy. An
 * infinite part counts more than one that is no number. */
static inline float magnitude(float a, float b) {
    const double square = (double)a * (double)a + (double)b * (double)b;
    return isinf(a) || isinf(b) ? INFINITY : (float)sqrt(square);
}
PART(abs, f32, float, float, magnitude(x[2 * i], x[2 * i + 1]))

typedef struct arithmetic {
    const char *name;
    loop_fn single, twice;
    uint32_t picoseconds; /* per complex64, in cache */
} arithmetic;

static const arithmetic ops[] = {
    {"add", add_f32, add_f64, 600},
    {"subtract", subtract_f32, subtract_f64, 600},
    {"multiply", multiply_f32, multiply_f64, 900},
    {"divide", divide_f32, divide_f64, 6000},
    {"negative", negative_f32, negative_f64, 500},
    {"conj", conj_f32, conj_f64, 500},
    {"square", square_f32, square_f64, 600},
    {"real", real_f32, real_f64, 400},
    {"imag", imag_f32, imag_f64, 400},
    {"abs", abs_f32, NULL, 1000},
    {"equal", equal_f32, equal_f64, 800},
    {"not_equal", not_equal_f32, not_equal_f64, 800},
};

typedef struct job {
    task t;
    loop_fn loop;
} job;

static void range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    const job *const j = context;
    (void)worker;
    j->loop(&j->t, begin, end);
}

static loop_fn loop_of(const arithmetic *op, const dvt_tensor *x) {
    return x->dtype.bits == 64 ? op->single : op->twice;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const arithmetic *const op = (const arithmetic *)(const void *)call->kernel;
    const dvt_tensor *const x = call->inputs[0], *const y = call->inputs[call->n_inputs - 1];
    const int64_t n = dvt_size(call->outputs[0]);
    job j = {{.x = dvt_tensor_data(x),
              .y = dvt_tensor_data(y),
              .to = dvt_tensor_data(call->outputs[0]),
              .x_step = (uint64_t)dvt_pairs_step(x, n),
              .y_step = (uint64_t)dvt_pairs_step(y, n)},
             loop_of(op, x)};
    (void)error;
    dvt_parallel(call->host, (uint64_t)n, op->picoseconds * (x->dtype.bits / 64u), range, &j);
    return DVT_OK;
}

dvt_status dvt_pairs_arithmetic_prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const int64_t n = dvt_size(op->outputs[0]);
    const dvt_tensor *const x = op->inputs[0];
    (void)error;
    info->reason = "operands are neither contiguous nor one number everywhere";
    for (uint32_t i = 0; i < op->n_inputs; i++)
        if (dvt_pairs_step(op->inputs[i], n) < (op->n_inputs == 1)) return DVT_UNSUPPORTED;
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(ops[i].name, op->name) != 0 || !loop_of(&ops[i], x)) continue;
        info->reason = NULL;
        info->flags = DVT_INFO_DETERMINISTIC;
        info->run = run;
        info->kernel = (dvt_kernel *)(uintptr_t)&ops[i]; /* constant: nothing to free */
        info->cost_ns = 10 + (uint64_t)n * ops[i].picoseconds * (x->dtype.bits / 64u) / 1000;
        return DVT_OK;
    }
    info->reason = "the CPU device has no kernel of this op for this type";
    return DVT_UNSUPPORTED;
}
