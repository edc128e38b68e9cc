/* Matrix products of batches. Rows of the result are summed up in a workspace, in double precision for
 * floats: the order of terms is fixed, so results repeat bit for bit. */
#include <string.h>

#include "kernel.h"

/* One row of a product: sum over inner of x[inner] * y[inner][columns]. */
#define ROW_PRODUCT(name, type, wide, convert)                                                     \
    static void name(const void *x_, const void *y_, void *z_, void *sums_, uint64_t inner,        \
                     uint64_t columns) {                                                           \
        const type *x = x_, *y = y_;                                                               \
        type *z = z_;                                                                              \
        wide *sums = sums_;                                                                        \
        memset(sums, 0, columns * sizeof *sums);                                                   \
        for (uint64_t k = 0; k < inner; k++) {                                                     \
            const wide a = (wide)x[k];                                                             \
            for (uint64_t j = 0; j < columns; j++) sums[j] += a * (wide)y[k * columns + j];        \
        }                                                                                          \
        for (uint64_t j = 0; j < columns; j++) z[j] = convert sums[j];                             \
    }
ROW_PRODUCT(row_f32, float, double, (float))
ROW_PRODUCT(row_f64, double, double, (double))
ROW_PRODUCT(row_i32, int32_t, uint32_t, (int32_t))
ROW_PRODUCT(row_i64, int64_t, uint64_t, (int64_t))

typedef void (*row_fn)(const void *, const void *, void *, void *, uint64_t, uint64_t);
static const row_fn ROWS[N_TYPES] = {row_f32, row_f64, row_i32, row_i64};

static void run_matmul(const task *t, void *const *operands, void *workspace) {
    const dvt_kernel *k = (const dvt_kernel *)(const void *)t;
    const uint64_t size = element_bytes(k->type), rows = k->matmul.rows, inner = k->matmul.inner,
                   columns = k->matmul.columns;
    if (k->count == 0) return;
    if (inner == 0) { /* the sum of nothing; there is nothing to point to either */
        memset(operands[2], 0, t->bytes[2]);
        return;
    }
    for (uint64_t i = 0; i < k->matmul.batches * rows; i++) {
        const char *x = (const char *)operands[0] + i * inner * size;
        const char *y = (const char *)operands[1] + i / rows * inner * columns * size;
        char *z = (char *)operands[2] + i * columns * size;
        ROWS[k->type](x, y, z, workspace, inner, columns);
    }
}

dvt_status choose_matmul(const dvt_op *op, dvt_kernel *k, const char **reason) {
    const dvt_tensor *x = op->inputs[0], *z = op->outputs[0];
    *reason = "its matrix unit takes f32, f64, i32 and i64, with equal batch axes";
    if (k->type == N_TYPES || x->ndim < 2 || z->ndim != x->ndim) return DVT_UNSUPPORTED;
    k->matmul.rows = (uint64_t)x->shape[x->ndim - 2];
    k->matmul.inner = (uint64_t)x->shape[x->ndim - 1];
    k->matmul.columns = (uint64_t)z->shape[z->ndim - 1];
    k->matmul.batches = 1;
    for (int32_t d = 0; d < x->ndim - 2; d++) k->matmul.batches *= (uint64_t)x->shape[d];
    k->task.workspace = k->count > 0 ? k->matmul.columns * 8 : 0;
    k->task.name = "matmul";
    k->task.compute = run_matmul;
    return DVT_OK;
}
