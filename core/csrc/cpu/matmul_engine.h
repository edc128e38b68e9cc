/* The engine behind matmul and the convolutions: C = A B with A, B and C given by functions that
 * pack and store, so that a convolution is a product whose left operand never exists in memory.
 *
 * Sizes are elements unless a name says bytes. k runs over the summed axis; each element of C adds
 * its products in the order of k in blocks of type->kc, whatever the number of threads. */
#ifndef DVT_CPU_MATMUL_ENGINE_H
#define DVT_CPU_MATMUL_ENGINE_H

#include "dovetail.h"

typedef struct dvt_gemm_source dvt_gemm_source;
typedef struct dvt_gemm_sink dvt_gemm_sink;

/* Packs items [first, first + count) (rows of A, columns of B), steps [k0, k0 + k), into panels of
 * `width` items: panel[p * width + i]. Missing items of the last panel become zeros. Up to 64 bytes
 * past the last panel may be written. */
typedef void (*dvt_gemm_pack_fn)(const dvt_gemm_source *source, int64_t first, int64_t count,
                                 int64_t k0, int64_t k, int width, void *panels);

/* Writes a finished block of C from the compute type, rows `ld` apart. */
typedef void (*dvt_gemm_store_fn)(const dvt_gemm_sink *sink, int64_t row, int64_t rows,
                                  int64_t column, int64_t columns, const void *block, int64_t ld);

struct dvt_gemm_source {
    dvt_gemm_pack_fn pack;
    const void *data;  /* first element */
    int64_t item;      /* stride from one item to the next */
    int64_t depth;     /* stride from one step of k to the next */
    const void *shape; /* what pack needs beyond strides, or null */
    int plain;         /* 1: compute type at data[item, depth] strides, usable in place */
};

struct dvt_gemm_sink {
    dvt_gemm_store_fn store; /* null: compute type, columns side by side, written in place */
    void *data;
    int64_t row, column;
    const void *shape;
};

/* One product of a batch. */
typedef struct dvt_gemm {
    dvt_gemm_source a, b;
    dvt_gemm_sink c;
} dvt_gemm;

/* Describes product `job` of the batch. Called by several threads at once. */
typedef void (*dvt_gemm_fill_fn)(const void *context, uint64_t job, dvt_gemm *gemm);

/* The register tile of one compute type: c (+)= a b for rows <= mr and exactly nr columns. */
typedef void (*dvt_gemm_tile_fn)(int rows, int64_t k, const void *a, int64_t a_row, int64_t a_k,
                                 const void *b, int64_t b_k, void *c, int64_t c_row,
                                 int accumulate);

typedef struct dvt_gemm_type {
    dvt_gemm_tile_fn tile;
    /* c[rows, columns] (+)= block, for the columns of a tile that C does not have */
    void (*edge)(int rows, int columns, const void *block, void *c, int64_t c_row, int accumulate);
    void (*zero)(void *c, int64_t count);
    int64_t size;    /* bytes of one element */
    int64_t mr, nr;  /* extents of the register tile */
    int64_t kc;      /* steps of k whose panels stay in the first cache */
    int64_t mc;      /* rows of A whose panels stay in the second */
    double flops_ns; /* multiply-adds of one thread in a nanosecond, for estimates */
} dvt_gemm_type;

extern const dvt_gemm_type dvt_gemm_f32, dvt_gemm_f64;
extern const dvt_gemm_type dvt_gemm_u8, dvt_gemm_u16, dvt_gemm_u32, dvt_gemm_u64;

/* How an element type of the ABI is computed. */
typedef struct dvt_gemm_element {
    const dvt_gemm_type *type;
    dvt_gemm_pack_fn pack;
    dvt_gemm_store_fn store;
    int64_t size; /* bytes in memory */
    int same;     /* 1: stored as it is computed */
} dvt_gemm_element;

extern const dvt_gemm_element dvt_gemm_element_f32, dvt_gemm_element_f16, dvt_gemm_element_bf16;
extern const dvt_gemm_element dvt_gemm_element_f64, dvt_gemm_element_u8, dvt_gemm_element_u16;
extern const dvt_gemm_element dvt_gemm_element_u32, dvt_gemm_element_u64;

/* Null when the engine does not know the type. */
const dvt_gemm_element *dvt_gemm_element_of(dvt_dtype dtype);

#define DVT_GEMM_TILE_BYTES 4096 /* room for one register tile of any type */

typedef struct dvt_gemm_plan {
    const dvt_gemm_type *type;
    int64_t m, n, k;
    uint64_t jobs;
    int buffered;    /* C is finished in a worker's block and stored by a function */
    int joint;       /* the threads share the packed B of one product at a time */
    int64_t m_step;  /* rows of one task */
    int64_t n_step;  /* columns of one task */
    int64_t n_block; /* joint: columns packed at a time */
    uint64_t grain;  /* tasks that are worth a thread */
    uint32_t threads;
    uint64_t shared_bytes, a_bytes, b_bytes,
        c_bytes; /* of the workspace; the last three a worker */
    uint64_t cost_ns;
} dvt_gemm_plan;

void dvt_gemm_make_plan(dvt_gemm_plan *plan, const dvt_gemm_type *type, int64_t m, int64_t n,
                        int64_t k, uint64_t jobs, int buffered, uint32_t threads);
uint64_t dvt_gemm_workspace(const dvt_gemm_plan *plan);
void dvt_gemm_run(const dvt_gemm_plan *plan, const dvt_host *host, dvt_gemm_fill_fn fill,
                  const void *context, void *workspace);

/* y[0 .. n) = x B for one row x; x_k, b_k, b_n, y_n are strides. */
typedef void (*dvt_gemv_fn)(int64_t n, int64_t k, const void *x, int64_t x_k, const void *b,
                            int64_t b_k, int64_t b_n, void *y, int64_t y_n);
void dvt_gemv_f32(int64_t n, int64_t k, const void *x, int64_t x_k, const void *b, int64_t b_k,
                  int64_t b_n, void *y, int64_t y_n);
void dvt_gemv_f64(int64_t n, int64_t k, const void *x, int64_t x_k, const void *b, int64_t b_k,
                  int64_t b_n, void *y, int64_t y_n);

#endif
