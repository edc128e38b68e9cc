/* Matrix products of every type, shape and layout against three loops. */
#include "cpu_products_host.h"

static const int64_t extents[] = {1, 2, 3, 5, 6, 7, 12, 13, 16, 17, 31, 33, 64, 70};

static int64_t extent(void) {
    return extents[chance(sizeof extents / sizeof extents[0])];
}

static void one_product(void) {
    static const dvt_type types[] = {DVT_TYPE_F32,  DVT_TYPE_F32, DVT_TYPE_F64, DVT_TYPE_F16,
                                     DVT_TYPE_BF16, DVT_TYPE_I8,  DVT_TYPE_U16, DVT_TYPE_I32,
                                     DVT_TYPE_I64,  DVT_TYPE_U8,  DVT_TYPE_U64};
    const dvt_type type = types[chance(sizeof types / sizeof types[0])];
    const int32_t n_batch = (int32_t)chance(3), ndim = n_batch + 2;
    int64_t m = extent(), n = extent(), k = extent(), batches = 1;
    int64_t a_shape[AXES], b_shape[AXES], c_shape[AXES];
    if (chance(10) == 0) k = chance(3) == 0 ? 0 : 380 + (int64_t)chance(400);
    if (chance(25) == 0) m = n = 150;
    for (int32_t i = 0; i < n_batch; i++) {
        a_shape[i] = b_shape[i] = c_shape[i] = 1 + (int64_t)chance(3);
        batches *= c_shape[i];
    }
    a_shape[ndim - 2] = c_shape[ndim - 2] = m;
    a_shape[ndim - 1] = b_shape[ndim - 2] = k;
    b_shape[ndim - 1] = c_shape[ndim - 1] = n;
    array a, b, c;
    make(&a, type, ndim, a_shape);
    make(&b, type, ndim, b_shape);
    make(&c, type, ndim, c_shape);
    /* One operand for the whole batch. */
    array *shared = chance(3) == 0 ? &b : chance(5) == 0 ? &a : NULL;
    for (int32_t i = 0; shared && i < n_batch; i++) {
        if (shared->strides[i] < 0)
            shared->t.byte_offset -= (uint64_t)((1 - shared->shape[i]) * shared->strides[i] *
                                                (int64_t)dvt_type_size(type));
        shared->strides[i] = 0;
    }
    if (k > 0) {
        fill(&a);
        fill(&b);
    }
    const array *in[2] = {&a, &b}, *out[1] = {&c};
    host.n_threads = 1 + (uint32_t)chance(2);
    run_op("matmul", in, 2, out, 1, NULL, 0);
    for (int64_t batch = 0; batch < batches; batch++)
        for (int64_t i = 0; i < m; i++)
            for (int64_t j = 0; j < n; j++) {
                double sum = 0;
                for (int64_t p = 0; p < k; p++)
                    sum += get(&a, (batch * m + i) * k + p) * get(&b, (batch * k + p) * n + j);
                const int64_t at = (batch * m + i) * n + j;
                if (is_float(type))
                    CHECK(fabs(get(&c, at) - sum) <= tolerance(type, sum, (double)k));
                else
                    CHECK(same_bits(&c, at, (int64_t)sum));
            }
    free(a.bytes);
    free(b.bytes);
    free(c.bytes);
}

/* The same bits for any number of threads. */
static void same_for_all_threads(void) {
    const int64_t a_shape[] = {200, 500}, b_shape[] = {500, 130}, c_shape[] = {200, 130};
    array a, b, one, two;
    make(&a, DVT_TYPE_F32, 2, a_shape);
    make(&b, DVT_TYPE_F32, 2, b_shape);
    make(&one, DVT_TYPE_F32, 2, c_shape);
    make(&two, DVT_TYPE_F32, 2, c_shape);
    for (int64_t i = 0; i < 200 * 500; i++) put(&a, i, (double)chance(1u << 20) / 1e5);
    for (int64_t i = 0; i < 500 * 130; i++) put(&b, i, (double)chance(1u << 20) / 1e5);
    const array *in[2] = {&a, &b}, *out[2] = {&one, &two};
    for (uint32_t threads = 1; threads <= 2; threads++) {
        host.n_threads = threads;
        run_op("matmul", in, 2, &out[threads - 1], 1, NULL, 0);
    }
    for (int64_t i = 0; i < 200 * 130; i++)
        CHECK(memcmp(element(&one, i), element(&two, i), 4) == 0);
    free(a.bytes);
    free(b.bytes);
    free(one.bytes);
    free(two.bytes);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    for (int i = 0; i < 300; i++) one_product();
    same_for_all_threads();
    return 0;
}
