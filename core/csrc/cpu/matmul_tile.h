/* The register tile: MR x NR elements of C stay in registers while k runs. Included once per
 * element type, after matmul_simd.h. The left operand may have any strides, the right one has
 * its columns side by side: both the packed panels and small operands in place fit that. */

/* `rows` is a constant at every call, so that the loops over it unroll into registers. */
DVT_GEMM_INLINE void tile_rows(const int rows, int64_t k, const T *restrict a, int64_t a_row,
                               int64_t a_k, const T *restrict b, int64_t b_k, T *restrict c,
                               int64_t c_row, int accumulate) {
    V sum[MR][NV];
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < NV; j++) sum[i][j] = SPLAT(0);
#pragma GCC unroll 2
    for (int64_t p = 0; p < k; p++) {
        V right[NV];
#pragma GCC unroll 2
        for (int j = 0; j < NV; j++) right[j] = LOAD(b + j * VL);
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++) {
            V left = SPLAT(a[i * a_row]);
#pragma GCC unroll 2
            for (int j = 0; j < NV; j++) sum[i][j] = FMA(left, right[j], sum[i][j]);
        }
        a += a_k;
        b += b_k;
    }
    if (accumulate) {
#pragma GCC unroll 12
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int j = 0; j < NV; j++) sum[i][j] = ADD(sum[i][j], LOAD(c + i * c_row + j * VL));
    }
#pragma GCC unroll 12
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int j = 0; j < NV; j++) STORE(c + i * c_row + j * VL, sum[i][j]);
}

#define DVT_GEMM_ROWS(count)                                                                       \
    case count:                                                                                    \
        tile_rows(count, k, a, a_row, a_k, b, b_k, c, c_row, accumulate);                          \
        break

static void tile(int rows, int64_t k, const void *a, int64_t a_row, int64_t a_k, const void *b,
                 int64_t b_k, void *c, int64_t c_row, int accumulate) {
    /* The panels of the engine have constant strides: one body for them, one for the rest. */
    if (rows == MR && a_row == 1 && a_k == MR && b_k == NR) {
        tile_rows(MR, k, a, 1, MR, b, NR, c, c_row, accumulate);
        return;
    }
    switch (rows) {
        DVT_GEMM_ROWS(1);
        DVT_GEMM_ROWS(2);
        DVT_GEMM_ROWS(3);
        DVT_GEMM_ROWS(4);
#if MR > 4
        DVT_GEMM_ROWS(5);
        DVT_GEMM_ROWS(6);
#endif
#if MR > 6
        DVT_GEMM_ROWS(7);
        DVT_GEMM_ROWS(8);
        DVT_GEMM_ROWS(9);
        DVT_GEMM_ROWS(10);
        DVT_GEMM_ROWS(11);
        DVT_GEMM_ROWS(12);
#endif
    default:
        break;
    }
}

static void edge(int rows, int columns, const void *block, void *c, int64_t c_row, int accumulate) {
    const T *from = block;
    T *to = c;
    for (int i = 0; i < rows; i++, from += NR, to += c_row) {
        if (accumulate) {
            for (int j = 0; j < columns; j++) to[j] = (T)(to[j] + from[j]);
        } else {
            for (int j = 0; j < columns; j++) to[j] = from[j];
        }
    }
}

static void zero(void *c, int64_t count) {
    memset(c, 0, (size_t)count * sizeof(T));
}

_Static_assert(MR * NR * sizeof(T) <= DVT_GEMM_TILE_BYTES, "a tile fits its spare room");

/* A panel of B and one of A share the first cache; a block of A takes a part of the second. */
#define DVT_GEMM_KC (24576 / (NR * (int64_t)sizeof(T)))
#define DVT_GEMM_MC (147456 / (DVT_GEMM_KC * (int64_t)sizeof(T)) / MR * MR)
