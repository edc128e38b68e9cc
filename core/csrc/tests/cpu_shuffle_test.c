/* pad, concat and roll against loops over the elements of the result. */
#include "cpu_products_host.h"

/* Joins 1 to 4 arrays of any strides. */
static void one_concat(void) {
    static const int64_t extents[] = {0, 1, 2, 3, 7, 16, 33};
    const int32_t ndim = 1 + (int32_t)chance(4);
    const uint32_t n = 1 + (uint32_t)chance(4);
    const int64_t axis = (int64_t)chance((uint64_t)ndim);
    const dvt_type type = (dvt_type)chance(DVT_N_TYPES);
    int64_t shape[AXES], total = 0, behind = 1;
    array arrays[4], y;
    const array *in[4], *out[] = {&y};
    for (int32_t i = 0; i < ndim; i++) shape[i] = extents[chance(20) ? 1 + chance(6) : 0];
    if (chance(4) == 0) shape[chance((uint64_t)ndim)] = 2000;
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0) shape[axis] = extents[chance(7)];
        make(&arrays[i], type, ndim, shape);
        fill(&arrays[i]);
        in[i] = &arrays[i];
        total += shape[axis];
    }
    shape[axis] = total;
    make(&y, type, ndim, shape);
    const dvt_attr attr = SCALAR("axis", &axis);
    run_op("concat", in, n, out, 1, &attr, 1);
    for (int32_t i = (int32_t)axis + 1; i < ndim; i++) behind *= shape[i];
    for (int64_t i = 0, size = dvt_size(&y.t); i < size; i++) {
        int64_t at = i / behind % total;
        uint32_t from = 0;
        for (; at >= arrays[from].shape[axis]; from++) at -= arrays[from].shape[axis];
        const int64_t flat =
            (i / behind / total * arrays[from].shape[axis] + at) * behind + i % behind;
        CHECK(memcmp(element(&y, i), element(&arrays[from], flat), dvt_type_size(type)) == 0);
    }
    for (uint32_t i = 0; i < n; i++) free(arrays[i].bytes);
    free(y.bytes);
}

static void make_plain(array *x, dvt_type type, int32_t ndim, const int64_t *shape) {
    make(x, type, ndim, shape);
    while (dvt_contiguous_size(&x->t) < 0) {
        free(x->bytes);
        make(x, type, ndim, shape);
    }
}

/* `large`: gaps between rows so long that two threads meet within one. */
static void one_pad(int large) {
    static const int64_t extents[] = {0, 1, 2, 3, 7, 16, 33};
    const int32_t ndim = large ? 2 : (int32_t)chance(5);
    const dvt_type type = large ? DVT_TYPE_F64 : (dvt_type)chance(DVT_N_TYPES);
    int64_t shape[AXES], whole[AXES], low[AXES], high[AXES], interior[AXES];
    array x, y;
    const array *in[] = {&x}, *out[] = {&y};
    for (int32_t i = 0; i < ndim; i++) {
        shape[i] = extents[chance(20) ? 1 + chance(ndim > 3 ? 3 : 6) : 0];
        if (chance(10) == 0) shape[i] = 300;
        if (large) shape[i] = i == 0 ? 7 : 5001 + (int64_t)chance(9);
        const int padded = large ? i == 0 : chance(3) != 0;
        low[i] = padded ? (int64_t)chance(3) : 0;
        high[i] = padded ? (int64_t)chance(3) : 0;
        interior[i] = padded ? (int64_t)chance(3) + large : 0;
        whole[i] = low[i] + shape[i] + (shape[i] > 0 ? (shape[i] - 1) * interior[i] : 0) + high[i];
        /* More between neighbours than an extent can hold, where there are none. */
        if (shape[i] <= 1 && chance(4) == 0) interior[i] = INT64_MAX;
    }
    make_plain(&x, type, ndim, shape);
    fill(&x);
    make_plain(&y, type, ndim, whole);
    const double real = 1;
    const int64_t integer = 1;
    const dvt_attr attrs[] = {
        {"low", low, (uint64_t)ndim, DVT_ATTR_INT64, 1},
        {"high", high, (uint64_t)ndim, DVT_ATTR_INT64, 1},
        {"value", chance(2) ? (const void *)&real : &integer, 1, DVT_ATTR_FLOAT64, 0},
        {"interior", interior, (uint64_t)ndim, DVT_ATTR_INT64, 1}};
    dvt_attr given[4];
    memcpy(given, attrs, sizeof given);
    if (given[2].values == &integer) given[2].kind = DVT_ATTR_INT64;
    run_op("pad", in, 1, out, 1, given, 4);
    for (int64_t i = 0, size = dvt_size(&y.t); i < size; i++) {
        int64_t rest = i, flat = 0, weight = 1;
        int inside = 1;
        for (int32_t k = ndim; k-- > 0;) {
            const int64_t at = rest % whole[k] - low[k];
            const int64_t step = shape[k] > 1 ? interior[k] + 1 : 1;
            rest /= whole[k];
            inside = inside && at >= 0 && at % step == 0 && at / step < shape[k];
            flat += inside ? at / step * weight : 0;
            weight *= shape[k];
        }
        if (inside)
            CHECK(memcmp(element(&y, i), element(&x, flat), dvt_type_size(type)) == 0);
        else
            CHECK(get(&y, i) == 1);
    }
    free(x.bytes);
    free(y.bytes);
}

/* Rolls some axes of an array of any strides. */
static void one_roll(void) {
    static const int64_t extents[] = {0, 1, 2, 3, 7, 16, 33};
    const int32_t ndim = (int32_t)chance(5);
    const dvt_type type = (dvt_type)chance(DVT_N_TYPES);
    int64_t shape[AXES], by[AXES], axes[AXES], shifts[AXES];
    uint64_t count = 0;
    array x, y;
    const array *in[] = {&x}, *out[] = {&y};
    for (int32_t i = 0; i < ndim; i++) {
        shape[i] = extents[chance(20) ? 1 + chance(6) : 0];
        if (chance(10) == 0) shape[i] = 300;
        by[i] = shape[i] > 1 && chance(3) ? 1 + (int64_t)chance((uint64_t)shape[i] - 1) : 0;
        if (by[i] == 0) continue;
        axes[count] = i;
        shifts[count++] = by[i];
    }
    make(&x, type, ndim, shape);
    fill(&x);
    make(&y, type, ndim, shape);
    const dvt_attr attrs[] = {{"shift", shifts, count, DVT_ATTR_INT64, 1},
                              {"axis", axes, count, DVT_ATTR_INT64, 1}};
    run_op("roll", in, 1, out, 1, attrs, 2);
    for (int64_t i = 0, size = dvt_size(&y.t); i < size; i++) {
        int64_t flat = 0, rest = i, step = 1;
        for (int32_t d = ndim - 1; d >= 0; d--) {
            flat += (rest % shape[d] - by[d] + shape[d]) % shape[d] * step;
            rest /= shape[d];
            step *= shape[d];
        }
        CHECK(memcmp(element(&y, i), element(&x, flat), dvt_type_size(type)) == 0);
    }
    free(x.bytes);
    free(y.bytes);
}

int main(int argc, char **argv) {
    open_plugin(argc, argv);
    for (int i = 0; i < 150; i++) {
        host.n_threads = 1 + (uint32_t)chance(2);
        one_concat();
        one_pad(0);
        one_roll();
        if (i % 15 == 0) one_pad(1);
    }
    return 0;
}
