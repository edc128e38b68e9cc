/* Complex numbers as pairs of real ones. Ops that move elements, or treat both parts alike, are run by
 * the kernels of real numbers on views with an axis of two parts more: moved as words of 64 bits,
 * computed as floats. What mixes the parts is in pairs_arithmetic.c, or left to the host's numpy. */
#include <stdlib.h>
#include <string.h>

#include "pairs.h"
#include "rows.h"
#include "strided_loop.h"

enum { FEW_TENSORS = 4, FEW_EXTENTS = 96, MAX_ATTRS = 8, AMOUNTS = 3 };

typedef struct pair_op {
    const char *name;
    const dvt_kernel_def *rows; /* of the family that has the op for real numbers */
    const uint32_t *count;
    int parts;  /* computed as floats; else moved as words */
    int follow; /* operands that are not complex have an element per number, not per index */
} pair_op;

typedef struct pairing {
    dvt_run_fn run;
    dvt_kernel *kernel;
    void (*destroy)(dvt_kernel *kernel);
    const pair_op *op;
    int split;         /* the views have an axis more */
    int32_t ndim;      /* of the array that pad enlarges */
    int64_t value;     /* the word of pad */
    int64_t amounts[]; /* of pad: low, high and interior, ndim + 1 each */
} pairing;

static const char *const amount_names[AMOUNTS] = {"low", "high", "interior"};

/* ---- views ------------------------------------------------------------------------------------- */

typedef struct views {
    const dvt_tensor **pointers;
    void *memory; /* null: what follows was enough */
    const dvt_tensor *few_pointers[FEW_TENSORS];
    dvt_tensor few[FEW_TENSORS];
    int64_t few_extents[FEW_EXTENTS];
} views;

static int is_complex(const dvt_tensor *t) {
    return t->dtype.code == DVT_COMPLEX && t->dtype.lanes == 1;
}

static void view_one(const pair_op *op, int split, const dvt_tensor *t, dvt_tensor *view,
                     int64_t *extents) {
    const int number = is_complex(t);
    *view = *t;
    if (number && op->parts)
        view->dtype = (dvt_dtype){DVT_FLOAT, (uint8_t)(t->dtype.bits / 2), 1};
    else if (number)
        view->dtype = (dvt_dtype){DVT_INT, 64, 1};
    if (!split || (!number && !op->follow)) return;
    view->shape = extents;
    view->strides = extents + t->ndim + 1;
    for (int32_t i = 0; i < t->ndim; i++) {
        view->shape[i] = t->shape[i];
        view->strides[i] = t->strides[i] * (number ? 2 : 1);
    }
    view->shape[t->ndim] = 2;
    view->strides[t->ndim] = number;
    view->ndim = t->ndim + 1;
}

/* Views of all operands and results, in this order; false when there is no memory. */
static int make_views(views *v, const pair_op *op, int split, const dvt_tensor *const *inputs,
                      uint32_t n_inputs, const dvt_tensor *const *outputs, uint32_t n_outputs) {
    const size_t n = (size_t)n_inputs + n_outputs;
    size_t extents = 0;
    for (size_t i = 0; i < n; i++)
        extents += 2 * ((size_t)(i < n_inputs ? inputs[i] : outputs[i - n_inputs])->ndim + 1);
    dvt_tensor *tensors = v->few;
    int64_t *next = v->few_extents;
    v->pointers = v->few_pointers;
    v->memory = NULL;
    if (n > FEW_TENSORS || extents > FEW_EXTENTS) {
        v->memory = malloc(n * (sizeof *tensors + sizeof *v->pointers) + extents * sizeof *next);
        if (!v->memory) return 0;
        tensors = v->memory;
        next = (int64_t *)(void *)(tensors + n);
        v->pointers = (const dvt_tensor **)(void *)(next + extents);
    }
    for (size_t i = 0; i < n; i++) {
        const dvt_tensor *const t = i < n_inputs ? inputs[i] : outputs[i - n_inputs];
        view_one(op, split, t, &tensors[i], next);
        v->pointers[i] = &tensors[i];
        next += 2 * (t->ndim + 1);
    }
    return 1;
}

/* ---- attributes -------------------------------------------------------------------------------- */

/* The word that fills complex elements of this value: its parts for complex64; for complex128 one
 * part, when both have the same bits. False when there is no such word. */
static int word_of(const dvt_attr *value, int wide, int64_t *word) {
    double parts[2] = {0, 0};
    if (value && (value->kind != DVT_ATTR_FLOAT64 || value->count != 2)) return 0;
    if (value) memcpy(parts, value->values, sizeof parts);
    if (wide) {
        memcpy(word, parts, sizeof *word);
        return memcmp(&parts[0], &parts[1], sizeof parts[0]) == 0;
    }
    const float narrow[2] = {(float)parts[0], (float)parts[1]};
    memcpy(word, narrow, sizeof *word);
    return 1;
}

static int read_amounts(pairing *p, const dvt_op *op) {
    for (int k = 0; k < AMOUNTS; k++) {
        const dvt_attr *const a = dvt_find_attr(op->attrs, op->n_attrs, amount_names[k]);
        if (!a) continue;
        if (a->kind != DVT_ATTR_INT64 || a->count != (uint64_t)p->ndim) return 0;
        memcpy(p->amounts + k * (p->ndim + 1), a->values, (size_t)p->ndim * sizeof(int64_t));
    }
    return 1;
}

/* The attributes as the kernel of words reads them. */
static void rewrite(const pairing *p, const dvt_attr *attrs, uint32_t n, dvt_attr *to) {
    for (uint32_t i = 0; i < n; i++) {
        to[i] = attrs[i];
        if (!p->op->parts && strcmp(attrs[i].name, "value") == 0)
            to[i] = (dvt_attr){attrs[i].name, &p->value, 1, DVT_ATTR_INT64, 0};
        for (int k = 0; k < AMOUNTS && p->ndim >= 0; k++) {
            if (strcmp(attrs[i].name, amount_names[k]) != 0) continue;
            to[i].values = p->amounts + k * (p->ndim + 1);
            to[i].count = (uint64_t)(p->ndim + p->split);
        }
    }
}

/* ---- kernels ----------------------------------------------------------------------------------- */

static dvt_status run(const dvt_call *call, dvt_error *error) {
    const pairing *const p = (const pairing *)(const void *)call->kernel;
    views v;
    dvt_attr attrs[MAX_ATTRS];
    if (!make_views(&v, p->op, p->split, call->inputs, call->n_inputs, call->outputs,
                    call->n_outputs))
        return dvt_set_error(error, DVT_OUT_OF_MEMORY,
                             "the CPU device found no memory for views of complex arrays");
    rewrite(p, call->attrs, call->n_attrs, attrs);
    dvt_call inner = *call;
    inner.kernel = p->kernel;
    inner.inputs = v.pointers;
    inner.outputs = v.pointers + call->n_inputs;
    inner.attrs = attrs;
    const dvt_status status = p->run(&inner, error);
    free(v.memory);
    return status;
}

static void destroy(dvt_kernel *kernel) {
    pairing *const p = (pairing *)(void *)kernel;
    if (p->destroy && p->kernel) p->destroy(p->kernel);
    free(p);
}

static const pair_op ops[] = {
    {"concat", dvt_cpu_shuffle_rows, &dvt_cpu_shuffle_count, 0, 0},
    {"pad", dvt_cpu_shuffle_rows, &dvt_cpu_shuffle_count, 0, 0},
    {"take", dvt_cpu_gather_rows, &dvt_cpu_gather_count, 0, 0},
    {"take_along_axis", dvt_cpu_gather_rows, &dvt_cpu_gather_count, 0, 0},
    {"scatter", dvt_cpu_gather_rows, &dvt_cpu_gather_count, 0, 0},
    {"scatter_add", dvt_cpu_gather_rows, &dvt_cpu_gather_count, 1, 0},
    {"where", dvt_cpu_compare_rows, &dvt_cpu_compare_count, 0, 1},
    {"astype", dvt_cpu_cast_rows, &dvt_cpu_cast_count, 1, 0},
    {"sum", dvt_cpu_reduce_rows, &dvt_cpu_reduce_count, 1, 0},
    {"mean", dvt_cpu_reduce_rows, &dvt_cpu_reduce_count, 1, 0},
};

static const pair_op *find_op(const char *name, const dvt_kernel_def **row) {
    for (size_t i = 0; i < sizeof ops / sizeof ops[0]; i++) {
        if (strcmp(ops[i].name, name) != 0) continue;
        for (uint32_t r = 0; r < *ops[i].count; r++) {
            *row = &ops[i].rows[r];
            if (strcmp((*row)->op, name) == 0) return &ops[i];
        }
    }
    return NULL;
}

static dvt_status unsupported(dvt_kernel_info *info, const char *reason) {
    info->reason = reason;
    return DVT_UNSUPPORTED;
}

/* Ask the kernel of real numbers for its answer to the views. */
static dvt_status ask(pairing *p, const dvt_kernel_def *row, const dvt_op *op,
                      dvt_kernel_info *info, dvt_error *error) {
    views v;
    dvt_attr attrs[MAX_ATTRS];
    if (!make_views(&v, p->op, p->split, op->inputs, op->n_inputs, op->outputs, op->n_outputs))
        return dvt_set_error(error, DVT_OUT_OF_MEMORY,
                             "the CPU device found no memory for views of complex arrays");
    rewrite(p, op->attrs, op->n_attrs, attrs);
    dvt_op inner = *op;
    inner.inputs = v.pointers;
    inner.outputs = v.pointers + op->n_inputs;
    inner.attrs = attrs;
    const dvt_status status = row->prepare(&inner, info, error);
    free(v.memory);
    return status;
}

static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    const dvt_kernel_def *row = NULL;
    const pair_op *const found = find_op(op->name, &row);
    const dvt_tensor *const y = op->outputs[0];
    if (!found || op->n_attrs > MAX_ATTRS || !is_complex(y) || y->ndim >= DVT_MAX_NDIM)
        return unsupported(info, "the CPU device has no such op for complex numbers");
    const int pads = strcmp(found->name, "pad") == 0;
    const size_t room = pads ? AMOUNTS * ((size_t)y->ndim + 1) * sizeof(int64_t) : 0;
    pairing *const p = calloc(1, sizeof *p + room);
    if (!p)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY,
                             "the CPU device found no memory to prepare a kernel");
    p->op = found;
    p->split = found->parts || y->dtype.bits == 128;
    p->ndim = pads ? y->ndim : -1;
    p->destroy = row->destroy;
    dvt_status status;
    if (pads && (!word_of(dvt_find_attr(op->attrs, op->n_attrs, "value"), p->split, &p->value) ||
                 !read_amounts(p, op)))
        status = unsupported(info, "the CPU device pads complex128 only with equal parts");
    else
        status = ask(p, row, op, info, error);
    if (status != DVT_OK) {
        free(p);
        return status;
    }
    p->run = info->run ? info->run : row->run;
    p->kernel = info->kernel;
    info->run = run;
    info->kernel = (dvt_kernel *)(void *)p;
    return DVT_OK;
}

#define ROW(name, words, row_flags)                                                                \
    {.op = name,                                                                                   \
     .types = words,                                                                               \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = row_flags,                                                                           \
     .prepare = prepare,                                                                           \
     .destroy = destroy}
#define OWN_ROW(name, row_flags, prepare_fn)                                                       \
    {.op = name,                                                                                   \
     .types = "T=c64|c128",                                                                        \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .flags = row_flags,                                                                           \
     .priority = 1,                                                                                \
     .prepare = prepare_fn}

/* The flags of the first ones are those of the rows for real numbers. */
const dvt_kernel_def dvt_cpu_pairs_rows[] = {
    ROW("concat", "T=c64|c128", DVT_KERNEL_STRIDED),
    ROW("pad", "T=c64|c128", 0),
    ROW("take", "T=c64|c128;J=i32|i64", DVT_KERNEL_STRIDED),
    ROW("take_along_axis", "T=c64;J=i32|i64", 0), /* indices of pairs would have an axis less */
    ROW("scatter", "T=c64|c128;J=i32|i64", 0),
    ROW("scatter_add", "T=c64|c128;J=i32|i64", 0),
    ROW("where", "T=c64|c128", DVT_KERNEL_STRIDED),
    ROW("astype", "S=c64|c128;T=c64|c128", DVT_KERNEL_STRIDED),
    ROW("sum", "T=c64|c128", DVT_KERNEL_STRIDED),
    ROW("mean", "T=c64|c128", DVT_KERNEL_STRIDED),
    OWN_ROW("add", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("subtract", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("multiply", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("divide", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("negative", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("conj", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("square", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("real", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("imag", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("abs", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("equal", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("not_equal", DVT_KERNEL_STRIDED, dvt_pairs_arithmetic_prepare),
    OWN_ROW("copy", DVT_KERNEL_STRIDED, dvt_pairs_copy_prepare),
    OWN_ROW("where", DVT_KERNEL_STRIDED, dvt_pairs_where_prepare),
    OWN_ROW("full", 0, dvt_pairs_full_prepare),
    OWN_ROW("sum", DVT_KERNEL_STRIDED, dvt_pairs_sum_prepare),
    OWN_ROW("mean", DVT_KERNEL_STRIDED, dvt_pairs_sum_prepare),
};
const uint32_t dvt_cpu_pairs_count = sizeof dvt_cpu_pairs_rows / sizeof dvt_cpu_pairs_rows[0];
