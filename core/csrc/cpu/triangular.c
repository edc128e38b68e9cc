/* The op triangular_solve for systems that fit the cache, and for single right-hand sides of any
 * size. Large ones are products of matrices for the most part: they are left to the host, whose
 * reference halves them. Columns of the solution, and matrices, are independent of each other. */
#include <stdio.h>

#include "copy.h"
#include "element.h"
#include "parallel.h"
#include "rows.h"

#define TILE 16
#define MOST_ROWS 192 /* with more columns than one tile */

typedef struct triangle {
    const void *a;
    void *x;                 /* contiguous; the right-hand sides at first */
    const dvt_tensor *batch; /* the spec of a */
    int64_t n, k, tiles;
    int64_t row, column; /* strides of a in elements */
    int lower, unit;
} triangle;

/* Where a matrix of the batch begins, in elements. */
static int64_t matrix_offset(const triangle *t, int64_t matrix) {
    int64_t offset = 0;
    for (int32_t d = t->batch->ndim - 3; d >= 0; d--) {
        offset += matrix % t->batch->shape[d] * t->batch->strides[d];
        matrix /= t->batch->shape[d];
    }
    return offset;
}

#define TYPE float
#define NAME(x) x##_f32
#include "triangular_tile.h"

#define TYPE double
#define NAME(x) x##_f64
#include "triangular_tile.h"

/* "matrix 3 of the batch", "matrix (0, 1) of the batch", "the matrix". */
static void name_matrix(char *text, size_t room, const dvt_tensor *a, int64_t matrix) {
    int64_t below = 1;
    size_t used = 0;
    if (a->ndim == 2) {
        snprintf(text, room, "the matrix");
        return;
    }
    for (int32_t d = 0; d < a->ndim - 2; d++) below *= a->shape[d];
    used += (size_t)snprintf(text, room, "matrix %s", a->ndim > 3 ? "(" : "");
    for (int32_t d = 0; d < a->ndim - 2 && used < room; d++) {
        below /= a->shape[d];
        used += (size_t)snprintf(text + used, room - used, "%s%lld", d > 0 ? ", " : "",
                                 (long long)(matrix / below % a->shape[d]));
    }
    if (used < room) snprintf(text + used, room - used, "%s of the batch", a->ndim > 3 ? ")" : "");
}

static dvt_status refuse(dvt_error *error, const dvt_tensor *a, int64_t matrix, int64_t place) {
    char name[200], text[360];
    name_matrix(name, sizeof name, a, matrix);
    snprintf(text, sizeof text,
             "triangular_solve: %s is singular: element (%lld, %lld) of its diagonal is 0", name,
             (long long)place, (long long)place);
    return dvt_set_error(error, DVT_INVALID_ARGUMENT, text);
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *const a = call->inputs[0], *const x = call->outputs[0];
    const int is_double = x->dtype.bits == 64;
    const int64_t size = is_double ? 8 : 4;
    if (dvt_size(x) == 0) return DVT_OK;
    triangle t = {.a = dvt_tensor_data(a),
                  .x = dvt_tensor_data(x),
                  .batch = a,
                  .n = a->shape[a->ndim - 1],
                  .k = x->shape[x->ndim - 1],
                  .row = a->strides[a->ndim - 2],
                  .column = a->strides[a->ndim - 1],
                  .lower = dvt_attr_int(call->attrs, call->n_attrs, "lower", 1) != 0,
                  .unit = dvt_attr_int(call->attrs, call->n_attrs, "unit_diagonal", 0) != 0};
    t.tiles = (t.k + TILE - 1) / TILE;
    const int64_t count = dvt_size(x) / (t.n * t.k);
    for (int64_t m = 0; m < count && !t.unit; m++) {
        const int64_t at = matrix_offset(&t, m);
        const int64_t zero = is_double ? zero_f64(&t, (const double *)t.a + at)
                                       : zero_f32(&t, (const float *)t.a + at);
        if (zero < t.n) return refuse(error, a, m, zero);
    }
    dvt_copy_view(call->host, call->inputs[1], x, (uint32_t)size);
    const int64_t width = t.k < TILE ? t.k : TILE;
    const uint64_t each = (uint64_t)(t.n * t.n / 2 * (width < 4 ? 4 : width) * 50 + t.n * 2000);
    dvt_parallel(call->host, (uint64_t)(count * t.tiles), each,
                 is_double ? run_range_f64 : run_range_f32, &t);
    return DVT_OK;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_tensor *const a = op->inputs[0], *const x = op->outputs[0];
    if (a->ndim < 2 || x->ndim != a->ndim || a->shape[a->ndim - 2] != a->shape[a->ndim - 1] ||
        x->shape[x->ndim - 2] != a->shape[a->ndim - 1])
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "triangular_solve: it takes square matrices and as many rows on the "
                             "right, with equal batch axes");
    const int64_t n = a->shape[a->ndim - 1], k = x->shape[x->ndim - 1];
    if (n > MOST_ROWS && k > TILE) {
        info->reason = "the CPU device leaves large triangular systems to the host's library";
        return DVT_UNSUPPORTED;
    }
    info->flags = DVT_INFO_DETERMINISTIC;
    info->run = run;
    info->cost_ns = 50 + (uint64_t)(dvt_size(x) * (n / 2 + 2) / 8);
    return DVT_OK;
}

const dvt_kernel_def dvt_cpu_triangular_rows[] = {
    {.op = "triangular_solve",
     .types = "T=f32|f64",
     .min_version = 1,
     .max_version = 1,
     .flags = DVT_KERNEL_STRIDED,
     .prepare = prepare},
};
const uint32_t dvt_cpu_triangular_count =
    sizeof dvt_cpu_triangular_rows / sizeof dvt_cpu_triangular_rows[0];
