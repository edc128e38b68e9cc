/* A native caller of a compiled function: what dovetail_compiled.h costs per call.
 *
 * plain_one and plain_ten compute the same as the compiled graphs in the C a programmer would write
 * by hand; the difference of the two is the overhead. */
#include "dovetail_compiled.h"

#include <math.h>

/* Keeps the compiler from merging or moving repetitions. */
#define BARRIER() __asm__ volatile("" ::: "memory")

int32_t repeat(uintptr_t address, const void *const *inputs, void *const *outputs, int64_t times);
void plain_one(const double *x, const double *y, double *out, int64_t n, int64_t times);
void plain_ten(const double *x, const double *y, double *out, int64_t n, int64_t times);

int32_t repeat(uintptr_t address, const void *const *inputs, void *const *outputs, int64_t times) {
    const dvt_compiled *compiled = (const dvt_compiled *)address;
    dvt_error error = {.struct_size = sizeof error};
    for (int64_t i = 0; i < times; i++) {
        dvt_status status = compiled->call(compiled->context, inputs, outputs, &error);
        if (status != DVT_OK) return status;
    }
    return DVT_OK;
}

static __attribute__((noinline)) void one(const double *x, const double *y, double *out,
                                          int64_t n) {
    for (int64_t i = 0; i < n; i++) out[i] = x[i] + y[i];
}

static __attribute__((noinline)) void ten(const double *x, const double *y, double *out,
                                          int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double a = x[i] * y[i], c = a + x[i] - y[i], e = c * c + 1.0, f = c / e, g = sqrt(e);
        out[i] = (f > g ? f : g) * x[i] - a;
    }
}

void plain_one(const double *x, const double *y, double *out, int64_t n, int64_t times) {
    for (int64_t i = 0; i < times; i++) {
        one(x, y, out, n);
        BARRIER();
    }
}

void plain_ten(const double *x, const double *y, double *out, int64_t n, int64_t times) {
    for (int64_t i = 0; i < times; i++) {
        ten(x, y, out, n);
        BARRIER();
    }
}
