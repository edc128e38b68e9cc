/* Attention without its matrix of scores: blocks of queries meet blocks of keys, and what is kept of a
 * row is its maximum, its sum and its result so far. One file per compute type, chosen by a table. */
#ifndef DVT_CPU_ATTENTION_H
#define DVT_CPU_ATTENTION_H

#include "matmul_engine.h"

/* Queries and keys of a block, and the distance of rows of scores, which is no power of two so that
 * the columns of a block do not fall into the same few sets of the cache. */
#define DVT_ATTENTION_ROWS 96
#define DVT_ATTENTION_COLUMNS 256
#define DVT_ATTENTION_LINE (DVT_ATTENTION_COLUMNS + 32)

/* Elements of the ABI in memory, as (batch, head, row, column); strides in elements. */
typedef struct dvt_attention_view {
    char *data; /* an operand's is only read */
    int64_t batch, head, row, column;
} dvt_attention_view;

typedef struct dvt_attention_shape {
    const dvt_gemm_element *element; /* of queries, keys, values and the result */
    int64_t batch, heads, key_heads;
    int64_t queries, keys, depth, width; /* width: of a value */
    int64_t low, high;                   /* key j is seen by query i where low <= j - i <= high */
    double scale;
    int64_t together; /* forward: heads of one task, which share their keys */
    int has_bias;
    int values_in_place; /* rows of values serve the products as they lie in memory */
} dvt_attention_shape;

/* One call: addresses and, for the parts of the workspace, where they begin in it. */
typedef struct dvt_attention_call {
    dvt_attention_shape shape;
    dvt_attention_view q, k, v, bias, y, lse; /* lse and delta: rows only */
    dvt_attention_view g, delta, dq, dk, dv;
    char *workspace;
    uint64_t keys_at, values_at;      /* forward: panels of keys, rows of values */
    uint64_t queries_at, gradient_at; /* backward: rows of q and g */
    uint64_t sums_at;                 /* backward: what each split adds to dq */
    uint64_t mine_at, mine_bytes;     /* a worker's own */
    int64_t splits;                   /* of the keys, each with its own sum of dq */
} dvt_attention_call;

typedef struct dvt_attention_type {
    const dvt_gemm_type *gemm;
    void (*pack)(const dvt_attention_call *call, int64_t task); /* forward: keys and values */
    void (*forward)(const dvt_attention_call *call, int64_t task, uint32_t worker);
    void (*unpack)(const dvt_attention_call *call, int64_t task); /* backward: q and g */
    void (*backward)(const dvt_attention_call *call, int64_t task, uint32_t worker);
    void (*finish)(const dvt_attention_call *call, int64_t task); /* backward: dq */
} dvt_attention_type;

extern const dvt_attention_type dvt_attention_f32, dvt_attention_f64;

static inline int64_t dvt_attention_up(int64_t a, int64_t step) {
    return (a + step - 1) / step * step;
}
static inline int64_t dvt_attention_blocks(int64_t extent, int64_t step) {
    return (extent + step - 1) / step;
}
static inline const char *dvt_attention_at(const dvt_attention_view *view, int64_t size,
                                           int64_t batch, int64_t head, int64_t row) {
    return view->data + (batch * view->batch + head * view->head + row * view->row) * size;
}

/* Attributes and extents that both ops share; a reason where they do not fit. */
const char *dvt_attention_read(dvt_attention_shape *shape, const dvt_op *op);
/* Strides of an operand or result; the axes of extent 1 of a bias serve all. */
dvt_attention_view dvt_attention_view_of(const dvt_tensor *t, int broadcast);
const dvt_attention_type *dvt_attention_type_of(const dvt_gemm_element *element);

dvt_status dvt_attention_backward_prepare(const dvt_op *op, dvt_kernel_info *info,
                                          dvt_error *error);
void dvt_attention_destroy(dvt_kernel *kernel);

#endif
