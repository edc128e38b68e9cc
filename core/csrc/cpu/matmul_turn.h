/* Packing float32 whose k steps lie side by side: 8 x 8 blocks are transposed in registers. */
#include <immintrin.h>

DVT_GEMM_INLINE void dvt_gemm_turn_8(__m256 r[8]) {
    __m256 a[8], b[8];
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        a[2 * i] = _mm256_unpacklo_ps(r[2 * i], r[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_ps(r[2 * i], r[2 * i + 1]);
    }
#pragma GCC unroll 2
    for (int i = 0; i < 2; i++) {
        b[4 * i] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0x44);
        b[4 * i + 1] = _mm256_shuffle_ps(a[4 * i], a[4 * i + 2], 0xee);
        b[4 * i + 2] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0x44);
        b[4 * i + 3] = _mm256_shuffle_ps(a[4 * i + 1], a[4 * i + 3], 0xee);
    }
#pragma GCC unroll 4
    for (int i = 0; i < 4; i++) {
        r[i] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x20);
        r[i + 4] = _mm256_permute2f128_ps(b[i], b[i + 4], 0x31);
    }
}

/* Packs steps of k in eights and returns how many were packed. Row i is rows[i], its step 1, or 0
 * for a row of one value of which eight lie in memory. The stores of one step may reach into the
 * next, which is written later. */
DVT_GEMM_INLINE int64_t dvt_gemm_turn_rows(const float *const *rows, const int64_t *steps,
                                           int64_t k, const int width, float *to) {
    int64_t p = 0;
    for (; p + 8 <= k; p += 8)
        for (int i = 0; i < width; i += 8) {
            __m256 r[8];
#pragma GCC unroll 8
            for (int j = 0; j < 8; j++)
                r[j] = i + j < width ? _mm256_loadu_ps(rows[i + j] + steps[i + j] * p)
                                     : _mm256_setzero_ps();
            dvt_gemm_turn_8(r);
#pragma GCC unroll 8
            for (int j = 0; j < 8; j++) {
                float *out = to + (p + j) * width + i;
                if (width - i == 4)
                    _mm_storeu_ps(out, _mm256_castps256_ps128(r[j]));
                else
                    _mm256_storeu_ps(out, r[j]);
            }
        }
    return p;
}

/* The same for rows that are `item` apart. */
DVT_GEMM_INLINE int64_t dvt_gemm_turn(const float *from, int64_t item, int64_t k, const int width,
                                      float *to) {
    const float *rows[32];
    int64_t steps[32];
    for (int i = 0; i < width; i++) {
        rows[i] = from + i * item;
        steps[i] = 1;
    }
    return dvt_gemm_turn_rows(rows, steps, k, width, to);
}
