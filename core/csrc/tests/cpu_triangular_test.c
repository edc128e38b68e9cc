/* Triangular systems: the solution, multiplied again, gives the right-hand side; zeros are named. */
#include "cpu_products_host.h"

static void make_contiguous(array *x, dvt_type type, int32_t ndim, const int64_t *shape) {
    make(x, type, ndim, shape);
    while (dvt_contiguous_size(&x->t) < 0) {
        free(x->bytes);
        make(x, type, ndim, shape);
    }
}

static double draw(void) {
    return (double)chance(2001) / 1000 - 1;
}

static void one_system(void) {
    static const int64_t rows[] = {0, 1, 2, 3, 8, 9, 17, 40, 150};
    static const int64_t columns[] = {0, 1, 1, 2, 15, 16, 17, 33};
    const dvt_type type = chance(2) ? DVT_TYPE_F32 : DVT_TYPE_F64;
    const int32_t ndim = 2 + (int32_t)chance(3);
    const int64_t n = rows[chance(9)], k = columns[chance(8)];
    const int64_t lower = (int64_t)chance(2), unit = (int64_t)chance(2);
    int64_t left[AXES], right[AXES], count = 1;
    array a, b, x;
    const array *in[] = {&a, &b}, *out[] = {&x};
    for (int32_t d = 0; d < ndim - 2; d++) {
        left[d] = right[d] = chance(8) ? 1 + (int64_t)chance(3) : 0;
        count *= left[d];
    }
    left[ndim - 2] = left[ndim - 1] = right[ndim - 2] = n;
    right[ndim - 1] = k;
    make(&a, type, ndim, left);
    make(&b, type, ndim, right);
    make_contiguous(&x, type, ndim, right);
    for (int64_t i = 0; i < count * n * n; i++) {
        const int64_t row = i / n % n, column = i % n;
        const double inside = row == column ? 2 + draw() : draw() / (double)n;
        const int read = row == column ? !unit : (row > column) == (lower != 0);
        put(&a, i, read ? inside : 1e30); /* what is not read must not matter */
    }
    for (int64_t i = 0; i < count * n * k; i++) put(&b, i, draw());
    const dvt_attr attrs[] = {SCALAR("lower", &lower), SCALAR("unit_diagonal", &unit)};
    run_op("triangular_solve", in, 2, out, 1, attrs, 2);
    for (int64_t i = 0; i < count * n * k; i++) {
        const int64_t matrix = i / (n * k), row = i / k % n, column = i % k;
        double sum = 0;
        for (int64_t j = lower ? 0 : row; j < (lower ? row + 1 : n); j++) {
            const double factor = j == row && unit ? 1 : get(&a, (matrix * n + row) * n + j);
            sum += factor * get(&x, (matrix * n + j) * k + column);
        }
        CHECK(fabs(sum - get(&b, i)) <= 10 * tolerance(type, 1, (double)n));
    }
    free(a.bytes);
    free(b.bytes);
    free(x.bytes);
}

static void zero_is_named(void) {
    const int64_t left[] = {2, 3, 4, 4}, right[] = {2, 3, 4, 1};
    const int64_t lower = 1, unit = 0;
    array a, b, x;
    make(&a, DVT_TYPE_F64, 4, left);
    make(&b, DVT_TYPE_F64, 4, right);
    make_contiguous(&x, DVT_TYPE_F64, 4, right);
    for (int64_t i = 0; i < 96; i++) put(&a, i, 1);
    for (int64_t i = 0; i < 24; i++) put(&b, i, 1);
    put(&a, 5 * 16 + 2 * 5, 0);
    const dvt_tensor *in[] = {&a.t, &b.t}, *out[] = {&x.t};
    const dvt_attr attrs[] = {SCALAR("lower", &lower), SCALAR("unit_diagonal", &unit)};
    const dvt_kernel_def *row = find_row("triangular_solve");
    const dvt_op op = {.struct_size = sizeof op,
                       .name = "triangular_solve",
                       .version = 1,
                       .n_inputs = 2,
                       .n_outputs = 1,
                       .n_attrs = 2,
                       .inputs = in,
                       .outputs = out,
                       .attrs = attrs,
                       .host = &host};
    dvt_kernel_info info = {.struct_size = sizeof info};
    CHECK(row->prepare(&op, &info, &error) == DVT_OK);
    const dvt_call call = {.struct_size = sizeof call,
                           .host = &host,
                           .kernel = info.kernel,
                           .inputs = in,
                           .outputs = out,
                           .attrs = attrs,
                           .n_inputs = 2,
                           .n_outputs = 1,
                           .n_attrs = 2};
    CHECK(info.run(&call, &error) == DVT_INVALID_ARGUMENT);
    CHECK(strstr(error.message, "matrix (1, 2) of the batch is singular: element (2, 2)"));
    free(a.bytes);
    free(b.bytes);
    free(x.bytes);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    for (int i = 0; i < 300; i++) {
        host.n_threads = 1 + (uint32_t)chance(2);
        one_system();
    }
    zero_is_named();
    return 0;
}
