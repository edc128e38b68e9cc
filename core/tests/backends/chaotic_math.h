/* The ops of backends/chaotic.c: float32, any strides, one element after the other. */
#ifndef CHAOTIC_MATH_H
#define CHAOTIC_MATH_H

#include <math.h>

#include "chaotic.h"

typedef enum { ADD, SUBTRACT, MULTIPLY, MAXIMUM, NEGATIVE, EXP, SUM, MATMUL, RESHAPE, N_OPS } op;

static const char *const names[] = {"add", "subtract", "multiply", "maximum", "negative",
                                    "exp", "sum",      "matmul",   "reshape"};

static inline op op_of(const char *name) {
    int i = 0;
    while (i < N_OPS && strcmp(names[i], name) != 0) i++;
    return (op)i;
}

static inline uint32_t operands(op o) {
    return o <= MAXIMUM || o == MATMUL ? 2 : 1;
}

/* Which axes a sum goes over: bit d. */
static inline uint64_t summed(const dvt_attr *attrs, uint32_t n) {
    const dvt_attr *axes = dvt_find_attr(attrs, n, "axis");
    uint64_t mask = 0;
    for (uint64_t i = 0; axes != NULL && i < axes->count; i++)
        mask |= UINT64_C(1) << ((const int64_t *)axes->values)[i];
    return mask;
}

/* Whether the op is one of these on these views. */
static inline int computable(op o, const dvt_tensor *const *in, const dvt_tensor *out) {
    if (o == N_OPS) return 0;
    for (uint32_t i = 0; i < operands(o); i++) {
        if (in[i]->dtype.code != DVT_FLOAT || in[i]->dtype.bits != 32) return 0;
        if (o == MATMUL && in[i]->ndim != 2) return 0;
        if (o < SUM && in[i]->ndim != out->ndim) return 0;
    }
    return out->dtype.code == DVT_FLOAT && out->dtype.bits == 32;
}

static inline float apply(op o, float x, float y) {
    switch (o) {
    case ADD:
        return x + y;
    case SUBTRACT:
        return x - y;
    case MULTIPLY:
        return x * y;
    case MAXIMUM:
        return x > y || x != x ? x : y;
    case NEGATIVE:
        return -x;
    default:
        return expf(x);
    }
}

/* y[i, j] = sum over k of a[i, k] b[k, j] */
static inline void multiply(const dvt_tensor *const *t, const float *a, const float *b,
                            const dvt_tensor *out, float *y) {
    for (int64_t i = 0; i < out->shape[0]; i++)
        for (int64_t j = 0; j < out->shape[1]; j++) {
            double total = 0;
            for (int64_t k = 0; k < t[0]->shape[1]; k++)
                total += (double)a[i * t[0]->strides[0] + k * t[0]->strides[1]] *
                         b[k * t[1]->strides[0] + j * t[1]->strides[1]];
            y[i * out->strides[0] + j * out->strides[1]] = (float)total;
        }
}

/* Outputs are contiguous; data[] holds the real address of each operand, then of the result. */
static inline void compute(op o, const dvt_tensor *const *in, const dvt_tensor *out, char **data,
                           uint64_t axes) {
    const float *x = (const float *)(void *)data[0], *y = (const float *)(void *)data[1];
    float *z = (float *)(void *)data[operands(o)];
    int64_t at[64] = {0}, n = count_of(in[0]);
    if (o == MATMUL) {
        multiply(in, x, y, out, z);
    } else if (o == SUM) {
        int64_t m = count_of(out);
        for (int64_t i = 0; i < m; i++) z[i] = 0;
        for (int64_t i = 0; i < n; i++, advance(in[0], at)) {
            int64_t to = 0;
            for (int32_t d = 0; d < in[0]->ndim; d++)
                if (!(axes >> d & 1)) to = to * in[0]->shape[d] + at[d];
            z[to] += x[reach(in[0], at)];
        }
    } else if (o == RESHAPE) {
        for (int64_t i = 0; i < n; i++, advance(in[0], at)) z[i] = x[reach(in[0], at)];
    } else {
        for (int64_t i = 0; i < n; i++, advance(in[0], at)) {
            float b = operands(o) == 2 ? y[reach(in[1], at)] : 0;
            z[i] = apply(o, x[reach(in[0], at)], b);
        }
    }
}

#endif
