/* One row times a matrix, for the element type of the including file. The matrix is read once, so
 * only its order in memory matters: rows side by side are added up, columns side by side are
 * multiplied out. */
#include "matmul_engine.h"
#include "matmul_simd.h"

#define COLUMNS 1024 /* results that stay in the first cache while rows pass */

/* y[j] += x[0] b[0][j] + ... for `rows` rows. Lanes and the scalar end use the same operations, so
 * that a result does not depend on where its column lies. */
DVT_GEMM_INLINE void add_rows(const int rows, int64_t n, const T *x, int64_t x_k, const T *b,
                              int64_t b_k, T *y) {
    V left[8];
    int64_t j = 0;
#pragma GCC unroll 8
    for (int r = 0; r < rows; r++) left[r] = SPLAT(x[r * x_k]);
    for (; j + VL <= n; j += VL) {
        V sum = LOAD(y + j);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) sum = FMA(left[r], LOAD(b + r * b_k + j), sum);
        STORE(y + j, sum);
    }
    if (j < n) {
        T in[VL] = {0};
        const size_t bytes = (size_t)(n - j) * sizeof(T);
        memcpy(in, y + j, bytes);
        V sum = LOAD(in);
#pragma GCC unroll 8
        for (int r = 0; r < rows; r++) {
            memcpy(in, b + r * b_k + j, bytes);
            sum = FMA(left[r], LOAD(in), sum);
        }
        STORE(in, sum);
        memcpy(y + j, in, bytes);
    }
}

/* `columns` inner products of length k over contiguous memory. */
DVT_GEMM_INLINE void inner(const int columns, int64_t k, const T *x, const T *b, int64_t b_n, T *y,
                           int64_t y_n) {
    V sum[8];
    int64_t p = 0;
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++) sum[c] = SPLAT(0);
    for (; p + VL <= k; p += VL) {
        V left = LOAD(x + p);
#pragma GCC unroll 8
        for (int c = 0; c < columns; c++) sum[c] = FMA(left, LOAD(b + c * b_n + p), sum[c]);
    }
#pragma GCC unroll 8
    for (int c = 0; c < columns; c++) {
        T lanes[VL], total = 0;
        STORE(lanes, sum[c]);
        for (int width = VL / 2; width > 0; width /= 2)
            for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
        for (int64_t q = p; q < k; q++) total += x[q] * b[c * b_n + q];
        y[c * y_n] = lanes[0] + total;
    }
}

/* One long inner product: several accumulators hide the latency of the sums. */
static T dot(int64_t k, const T *x, const T *b) {
    V sum[8];
    int64_t p = 0;
#pragma GCC unroll 8
    for (int c = 0; c < 8; c++) sum[c] = SPLAT(0);
    for (; p + 8 * VL <= k; p += 8 * VL)
#pragma GCC unroll 8
        for (int c = 0; c < 8; c++)
            sum[c] = FMA(LOAD(x + p + c * VL), LOAD(b + p + c * VL), sum[c]);
    for (; p + VL <= k; p += VL) sum[0] = FMA(LOAD(x + p), LOAD(b + p), sum[0]);
#pragma GCC unroll 3
    for (int width = 4; width > 0; width /= 2)
#pragma GCC unroll 4
        for (int c = 0; c < width; c++) sum[c] = ADD(sum[c], sum[c + width]);
    T lanes[VL], total = 0;
    STORE(lanes, sum[0]);
    for (int width = VL / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lanes[i] += lanes[i + width];
    for (; p < k; p++) total += x[p] * b[p];
    return lanes[0] + total;
}

void DVT_GEMV(int64_t n, int64_t k, const void *x_data, int64_t x_k, const void *b_data,
              int64_t b_k, int64_t b_n, void *y_data, int64_t y_n) {
    const T *x = x_data, *b = b_data;
    T *y = y_data;
    const int single =
        n == 1 && b_k == 1 && x_k == 1; /* a column of one is both: multiply it out */
    if (b_n == 1 && y_n == 1 && !single) {
        for (int64_t j = 0; j < n; j += COLUMNS) {
            int64_t columns = n - j < COLUMNS ? n - j : COLUMNS, p = 0;
            memset(y + j, 0, (size_t)columns * sizeof(T));
            for (; p + 8 <= k; p += 8)
                add_rows(8, columns, x + p * x_k, x_k, b + p * b_k + j, b_k, y + j);
            for (; p < k; p++) add_rows(1, columns, x + p * x_k, x_k, b + p * b_k + j, b_k, y + j);
        }
    } else if (b_k == 1 && x_k == 1) {
        int64_t j = 0;
        for (; n > 1 && j + 4 <= n; j += 4) inner(4, k, x, b + j * b_n, b_n, y + j * y_n, y_n);
        for (; j < n; j++)
            y[j * y_n] = n < 4 ? dot(k, x, b + j * b_n)
                               : (inner(1, k, x, b + j * b_n, b_n, y + j * y_n, y_n), y[j * y_n]);
    } else {
        for (int64_t j = 0; j < n; j++) {
            T total = 0;
            for (int64_t p = 0; p < k; p++) total += x[p * x_k] * b[p * b_k + j * b_n];
            y[j * y_n] = total;
        }
    }
}
