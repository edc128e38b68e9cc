/* Taking from and writing to positions of one axis, against loops over single elements: all types,
 * any strides where the kernel takes them, empty arrays, negative and repeated indices, operands that
 * are written over, one thread and two. */
#include "cpu_products_host.h"

/* An array cut at an axis: elements before it, along it and behind it. */
typedef struct extents {
    int64_t outer, along, inner;
} extents;

static extents cut(const array *x, int32_t axis) {
    extents e = {1, x->shape[axis], 1};
    for (int32_t i = 0; i < axis; i++) e.outer *= x->shape[i];
    for (int32_t i = axis + 1; i < x->t.ndim; i++) e.inner *= x->shape[i];
    return e;
}

static void make_plain(array *x, dvt_type type, int32_t ndim, const int64_t *shape) {
    make(x, type, ndim, shape);
    while (dvt_contiguous_size(&x->t) < 0) {
        free(x->bytes);
        make(x, type, ndim, shape);
    }
}

/* Small shapes for all the ways through them, and now and then one that two threads share. */
static int32_t any_shape(int64_t *shape) {
    static const int64_t small[] = {1, 2, 3, 5, 8, 17}, large[] = {700, 1100, 1500};
    const int32_t ndim = 1 + (int32_t)chance(3);
    for (int32_t i = 0; i < ndim; i++) shape[i] = chance(25) == 0 ? 0 : small[chance(6)];
    if (chance(3) == 0) shape[chance((uint64_t)ndim)] = large[chance(3)];
    return ndim;
}

static void put_index(const array *indices, int64_t i, int64_t index) {
    const int32_t narrow = (int32_t)index;
    if (indices->type == DVT_TYPE_I32)
        memcpy(element(indices, i), &narrow, sizeof narrow);
    else
        memcpy(element(indices, i), &index, sizeof index);
}

/* Indices in [-extent, extent). */
static void any_indices(const array *indices, int64_t extent) {
    for (int64_t i = 0, n = dvt_size(&indices->t); i < n; i++)
        put_index(indices, i, (int64_t)chance(2 * (uint64_t)extent) - extent);
}

static int64_t position(const array *indices, int64_t i, int64_t extent) {
    const int64_t index = (int64_t)get(indices, i);
    return index < 0 ? index + extent : index;
}

static dvt_type any_index_type(void) {
    return chance(2) ? DVT_TYPE_I32 : DVT_TYPE_I64;
}

static int same_element(const array *a, int64_t i, const array *b, int64_t j) {
    return memcmp(element(a, i), element(b, j), dvt_type_size(a->type)) == 0;
}

/* The shape of x with the axis replaced by the shape of the indices. */
static int32_t taken_shape(int64_t *shape, const array *x, int32_t axis, const array *indices) {
    int32_t ndim = 0;
    for (int32_t i = 0; i < axis; i++) shape[ndim++] = x->shape[i];
    for (int32_t i = 0; i < indices->t.ndim; i++) shape[ndim++] = indices->shape[i];
    for (int32_t i = axis + 1; i < x->t.ndim; i++) shape[ndim++] = x->shape[i];
    return ndim;
}

static void one_take(void) {
    const int64_t counts[] = {1, 2, 7, 300};
    int64_t shape[AXES], index_shape[2];
    array x, indices, y;
    const int32_t ndim = any_shape(shape), index_ndim = (int32_t)chance(3);
    const int64_t axis = (int64_t)chance((uint64_t)ndim);
    if (shape[axis] == 0) shape[axis] = 4;
    make(&x, (dvt_type)chance(DVT_N_TYPES), ndim, shape);
    fill(&x);
    for (int32_t i = 0; i < index_ndim; i++) index_shape[i] = counts[chance(i ? 3 : 4)];
    make(&indices, any_index_type(), index_ndim, index_shape);
    any_indices(&indices, x.shape[axis]);
    make(&y, x.type, taken_shape(shape, &x, (int32_t)axis, &indices), shape);
    const array *in[] = {&x, &indices}, *out[] = {&y};
    const dvt_attr attr = SCALAR("axis", &axis);
    run_op("take", in, 2, out, 1, &attr, 1);
    const extents e = cut(&x, (int32_t)axis);
    const int64_t n = dvt_size(&indices.t);
    for (int64_t i = 0; i < e.outer * n * e.inner; i++) {
        const int64_t column = i % e.inner, j = i / e.inner % n, outer = i / e.inner / n;
        const int64_t at = position(&indices, j, e.along);
        CHECK(same_element(&y, i, &x, (outer * e.along + at) * e.inner + column));
    }
    free(x.bytes);
    free(indices.bytes);
    free(y.bytes);
}

static void one_take_along(void) {
    int64_t shape[AXES];
    array x, indices, y;
    const int32_t ndim = any_shape(shape);
    const int64_t axis = (int64_t)chance((uint64_t)ndim);
    if (shape[axis] == 0) shape[axis] = 4;
    make_plain(&x, (dvt_type)chance(DVT_N_TYPES), ndim, shape);
    fill(&x);
    shape[axis] = (int64_t)chance(400);
    make_plain(&indices, any_index_type(), ndim, shape);
    any_indices(&indices, x.shape[axis]);
    make_plain(&y, x.type, ndim, shape);
    const array *in[] = {&x, &indices}, *out[] = {&y};
    const dvt_attr attr = SCALAR("axis", &axis);
    run_op("take_along_axis", in, 2, out, 1, &attr, 1);
    const extents e = cut(&x, (int32_t)axis), f = cut(&y, (int32_t)axis);
    for (int64_t i = 0; i < f.outer * f.along * f.inner; i++) {
        const int64_t outer = i / f.inner / f.along, at = position(&indices, i, e.along);
        CHECK(same_element(&y, i, &x, (outer * e.along + at) * e.inner + i % e.inner));
    }
    free(x.bytes);
    free(indices.bytes);
    free(y.bytes);
}

/* The op again with the other number of threads, over x itself: the same bytes. */
static void again_in_place(const char *name, array *x, const array *indices, const array *updates,
                           const array *y, const dvt_attr *attr) {
    const array *in[] = {x, indices, updates}, *out[] = {x};
    const size_t size = dvt_type_size(x->type);
    host.n_threads = 3 - host.n_threads;
    run_op(name, in, 3, out, 1, attr, 1);
    for (int64_t i = 0, n = dvt_size(&x->t); i < n; i++)
        CHECK(memcmp(element(x, i), element(y, i), size) == 0);
}

/* What becomes of an element by an update, by the number of the op below. */
static double combined(uint64_t kind, double old, double update) {
    switch (kind) {
    case 0:
        return update;
    case 3:
        return old * update;
    case 4:
        return fmin(old, update);
    case 5:
        return fmax(old, update);
    default:
        return old + update;
    }
}

static void one_scatter(void) {
    static const char *const names[] = {
        "scatter",          "scatter_add",     "scatter_add_along_axis",
        "scatter_multiply", "scatter_minimum", "scatter_maximum"};
    const uint64_t kind = chance(6);
    int64_t shape[AXES], index_shape[2] = {1 + (int64_t)chance(40), 1 + (int64_t)chance(3)};
    array x, indices, updates, y;
    const int32_t ndim = any_shape(shape);
    const int64_t axis = (int64_t)chance((uint64_t)ndim);
    if (shape[axis] == 0) shape[axis] = 4;
    make_plain(&x, (dvt_type)(kind == 0 ? chance(DVT_N_TYPES) : 1 + chance(DVT_N_TYPES - 1)), ndim,
               shape);
    fill(&x);
    make_plain(&y, x.type, ndim, shape);
    if (kind == 2) {
        shape[axis] = (int64_t)chance(40);
        make_plain(&indices, any_index_type(), ndim, shape);
        make_plain(&updates, x.type, ndim, shape);
    } else {
        if (chance(10) == 0) index_shape[0] = 0;
        make_plain(&indices, any_index_type(), (int32_t)chance(3), index_shape);
        const int32_t n = taken_shape(shape, &x, (int32_t)axis, &indices);
        make_plain(&updates, x.type, n, shape);
    }
    any_indices(&indices, x.shape[axis]);
    fill(&updates);
    const array *in[] = {&x, &indices, &updates}, *out[] = {&y};
    const dvt_attr attr = SCALAR("axis", &axis);
    host.n_threads = 1 + (uint32_t)chance(2);
    run_op(names[kind], in, 3, out, 1, &attr, 1);

    const extents e = cut(&x, (int32_t)axis);
    const int64_t size = dvt_size(&x.t), n_indices = dvt_size(&indices.t);
    const int64_t n = kind == 2 ? indices.shape[axis] : n_indices;
    double *const wanted = malloc((size_t)(size + 1) * sizeof *wanted);
    CHECK(wanted);
    uint64_t *const exact = malloc((size_t)(size + 1) * sizeof *exact);
    CHECK(exact);
    for (int64_t i = 0; i < size; i++) {
        wanted[i] = get(&x, i);
        exact[i] = is_float(x.type) ? 0 : (uint64_t)(int64_t)wanted[i];
    }
    for (int64_t i = 0, updated = dvt_size(&updates.t); i < updated; i++) {
        const int64_t j = i / e.inner % n, outer = i / e.inner / n;
        const int64_t at = position(&indices, kind == 2 ? i : j, e.along);
        double *const to = &wanted[(outer * e.along + at) * e.inner + i % e.inner];
        const double update = get(&updates, i);
        *to = combined(kind, *to, update);
        /* Of integers the low bits count, which doubles may lose. */
        exact[to - wanted] = kind == 3 ? exact[to - wanted] * (uint64_t)(int64_t)update
                                       : (uint64_t)(int64_t)(is_float(x.type) ? 0 : *to);
    }
    for (int64_t i = 0; i < size; i++) {
        const int beyond = kind == 3 && fabs(wanted[i]) > 6e4 && dvt_type_size(x.type) == 2;
        if (is_float(x.type) && !beyond)
            CHECK(fabs(get(&y, i) - wanted[i]) <=
                  tolerance(x.type, wanted[i], 1) * (kind == 3 ? 8 : 1));
        else if (!is_float(x.type))
            CHECK(same_bits(&y, i, (int64_t)exact[i]));
    }
    again_in_place(names[kind], &x, &indices, &updates, &y, &attr);
    free(wanted);
    free(exact);
    free(x.bytes);
    free(y.bytes);
    free(indices.bytes);
    free(updates.bytes);
}

/* 1024 ones are 1024 in bfloat16 too, which adding them one by one in 16 bits would hold at 256. */
static void halves_are_rounded_once(void) {
    const int64_t one[] = {1}, many[] = {1024}, axis = 0;
    const dvt_attr attr = SCALAR("axis", &axis);
    array x, indices, updates, y;
    make_plain(&x, DVT_TYPE_BF16, 1, one);
    make_plain(&y, DVT_TYPE_BF16, 1, one);
    make_plain(&indices, DVT_TYPE_I32, 1, many);
    make_plain(&updates, DVT_TYPE_BF16, 1, many);
    put(&x, 0, 0);
    for (int64_t i = 0; i < 1024; i++) {
        put_index(&indices, i, 0);
        put(&updates, i, 1);
    }
    const array *in[] = {&x, &indices, &updates}, *out[] = {&y};
    run_op("scatter_add", in, 3, out, 1, &attr, 1);
    CHECK(get(&y, 0) == 1024);
    run_op("scatter_add_along_axis", in, 3, out, 1, &attr, 1);
    CHECK(get(&y, 0) == 1024);
    free(x.bytes);
    free(y.bytes);
    free(indices.bytes);
    free(updates.bytes);
}

/* The kernel's answer to one index that is wrong, and what it left of x when that is written over. */
static void expect_refusal(const char *name, int64_t n, int64_t bad, int64_t index) {
    const int64_t five[] = {5}, many[] = {n}, axis = 0;
    const dvt_attr attr = SCALAR("axis", &axis);
    const int writes = strncmp(name, "scatter", 7) == 0;
    array x, indices, other;
    char sentence[200];
    make_plain(&x, DVT_TYPE_F32, 1, five);
    make_plain(&indices, DVT_TYPE_I64, 1, many);
    make_plain(&other, DVT_TYPE_F32, 1, many);
    fill(&x);
    fill(&other);
    any_indices(&indices, 5);
    put_index(&indices, bad, index);
    const dvt_tensor *in[] = {&x.t, &indices.t, &other.t}, *out[] = {writes ? &x.t : &other.t};
    const dvt_op op = {.struct_size = sizeof op,
                       .name = name,
                       .version = 1,
                       .n_inputs = writes ? 3 : 2,
                       .n_outputs = 1,
                       .n_attrs = 1,
                       .inputs = in,
                       .outputs = out,
                       .attrs = &attr,
                       .host = &host};
    dvt_kernel_info info = {.struct_size = sizeof info};
    const dvt_kernel_def *const row = find_row(name);
    CHECK(row && row->prepare(&op, &info, &error) == DVT_OK);
    CHECK(info.may_alias == (uint64_t)writes);
    void *const workspace = malloc(info.workspace_size + 1);
    CHECK(workspace);
    float before[5];
    memcpy(before, element(&x, 0), sizeof before);
    const dvt_call call = {.struct_size = sizeof call,
                           .host = &host,
                           .kernel = info.kernel,
                           .inputs = in,
                           .outputs = out,
                           .attrs = &attr,
                           .workspace = workspace,
                           .workspace_size = info.workspace_size,
                           .n_inputs = op.n_inputs,
                           .n_outputs = 1,
                           .n_attrs = 1};
    CHECK(info.run(&call, &error) == DVT_INVALID_ARGUMENT);
    snprintf(sentence, sizeof sentence,
             "%s: index %lld is out of range for axis 0 with size 5; valid are -5 to 4", name,
             (long long)index);
    CHECK(strcmp(error.message, sentence) == 0);
    CHECK(memcmp(before, element(&x, 0), sizeof before) == 0);
    free(workspace);
    free(x.bytes);
    free(indices.bytes);
    free(other.bytes);
}

int main(int argc, char **argv) {
    static const char *const names[] = {"take",
                                        "take_along_axis",
                                        "scatter",
                                        "scatter_add",
                                        "scatter_maximum",
                                        "scatter_add_along_axis",
                                        "scatter_multiply",
                                        "scatter_minimum"};
    open_plugin(argc, argv);
    for (int i = 0; i < 200; i++) {
        host.n_threads = 1 + (uint32_t)chance(2);
        one_take();
        one_take_along();
        one_scatter();
    }
    halves_are_rounded_once();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        expect_refusal(names[i], 3, 1, 5);
        expect_refusal(names[i], 3, 2, -6);
        expect_refusal(names[i], 70000, 69999, INT64_MAX);
        expect_refusal(names[i], 70000, 40000, INT64_MIN);
    }
    return 0;
}
