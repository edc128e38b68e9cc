/* Sums over any axes. Every element of the result has a place in the workspace; floats keep there what
 * each addition rounds away (Neumaier), so that a million terms are summed as well as ten. */
#include <math.h>
#include <string.h>

#include "kernel.h"

typedef struct accumulator {
    double sum, lost;
    uint64_t whole; /* of integers, which wrap */
} accumulator;

static void add_real(accumulator *a, double x) {
    const double sum = a->sum + x;
    a->lost += fabs(a->sum) >= fabs(x) ? (a->sum - sum) + x : (x - sum) + a->sum;
    a->sum = sum;
}

static double total(const accumulator *a) {
    return isfinite(a->sum) ? a->sum + a->lost : a->sum; /* beyond infinity lost is NaN */
}

static void add_row(accumulator *a, int64_t step, element_type type, const char *x, int64_t n) {
    switch (type) {
    case TYPE_F32:
        for (int64_t i = 0; i < n; i++) add_real(a + i * step, ((const float *)(const void *)x)[i]);
        break;
    case TYPE_F64:
        for (int64_t i = 0; i < n; i++)
            add_real(a + i * step, ((const double *)(const void *)x)[i]);
        break;
    case TYPE_I32:
        for (int64_t i = 0; i < n; i++)
            a[i * step].whole += (uint64_t)((const int32_t *)(const void *)x)[i];
        break;
    default:
        for (int64_t i = 0; i < n; i++)
            a[i * step].whole += (uint64_t)((const int64_t *)(const void *)x)[i];
    }
}

static void write_out(const accumulator *a, element_type type, void *z, uint64_t n) {
    for (uint64_t i = 0; i < n; i++) {
        switch (type) {
        case TYPE_F32:
            ((float *)z)[i] = (float)total(a + i);
            break;
        case TYPE_F64:
            ((double *)z)[i] = total(a + i);
            break;
        case TYPE_I32:
            ((int32_t *)z)[i] = (int32_t)(uint32_t)a[i].whole;
            break;
        default:
            ((int64_t *)z)[i] = (int64_t)a[i].whole;
        }
    }
}

static void run_sum(const task *t, void *const *operands, void *workspace) {
    const dvt_kernel *k = (const dvt_kernel *)(const void *)t;
    const int32_t last = k->sum.ndim - 1;
    accumulator *a = workspace;
    int64_t at[KERNEL_AXES] = {0}, row = last < 0 ? 1 : k->sum.shape[last], place = 0;
    if (k->count == 0) return;
    memset(a, 0, k->count * sizeof *a);
    const char *x = operands[0], *end = x == NULL ? x : x + t->bytes[0];
    while (x != end) {
        add_row(a + place, last < 0 ? 0 : k->sum.step[last], k->type, x, row);
        x += (uint64_t)row * element_bytes(k->type);
        for (int32_t d = last - 1; d >= 0; d--) { /* the next row */
            place += k->sum.step[d];
            if (++at[d] < k->sum.shape[d]) break;
            place -= k->sum.step[d] * k->sum.shape[d];
            at[d] = 0;
        }
    }
    write_out(a, k->type, operands[1], k->count);
}

static bool is_reduced(const dvt_attr *axes, int32_t axis) {
    if (axes == NULL) return true; /* none: all of them */
    for (uint64_t i = 0; i < axes->count; i++)
        if (((const int64_t *)axes->values)[i] == axis) return true;
    return false;
}

dvt_status choose_sum(const dvt_op *op, dvt_kernel *k, const char **reason) {
    const dvt_tensor *x = op->inputs[0];
    const dvt_attr *axes = dvt_find_attr(op->attrs, op->n_attrs, "axis");
    *reason = "its sums take f32, f64, i32 and i64 with at most 8 axes";
    if (k->type == N_TYPES || x->ndim > KERNEL_AXES) return DVT_UNSUPPORTED;
    int64_t step = 1;
    k->sum.ndim = x->ndim;
    for (int32_t d = x->ndim - 1; d >= 0; d--) {
        const bool reduced = is_reduced(axes, d);
        k->sum.shape[d] = x->shape[d];
        k->sum.step[d] = reduced ? 0 : step;
        if (!reduced) step *= x->shape[d];
    }
    k->task.workspace = k->count * sizeof(accumulator);
    k->task.name = "sum";
    k->task.compute = run_sum;
    return DVT_OK;
}
