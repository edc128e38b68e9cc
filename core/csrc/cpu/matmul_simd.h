/* The vectors of the product kernels: one element type per source file, the widest registers of
 * this build. DVT_GEMM_F32, _F64, _U8, _U16, _U32 or _U64 chooses; the file gives
 *   T, V, VL          element, vector, lanes
 *   LOAD, STORE, SPLAT, FMA
 *   MR, NV            rows and vectors per row of the register tile
 * Integers use the compiler's vectors: multiplication wraps, which is what the op asks for. */
#include <stdint.h>
#include <string.h>

#if defined(__AVX512F__) || defined(__AVX2__)
#include <immintrin.h>
#elif defined(__aarch64__)
#include <arm_neon.h>
#endif

/* Accumulators, two vectors of the right operand and a broadcast must fit: 16 or 32 registers. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define MR 12
#else
#define MR 6
#endif
#define NV 2

#if defined(DVT_GEMM_F32)
#define T float
#if defined(__AVX512F__)
#define V __m512
#define VL 16
#define LOAD(p) _mm512_loadu_ps(p)
#define STORE(p, v) _mm512_storeu_ps(p, v)
#define SPLAT(x) _mm512_set1_ps(x)
#define FMA(a, b, c) _mm512_fmadd_ps(a, b, c)
#define ADD(a, b) _mm512_add_ps(a, b)
#elif defined(__AVX2__)
#define V __m256
#define VL 8
#define LOAD(p) _mm256_loadu_ps(p)
#define STORE(p, v) _mm256_storeu_ps(p, v)
#define SPLAT(x) _mm256_set1_ps(x)
#define FMA(a, b, c) _mm256_fmadd_ps(a, b, c)
#define ADD(a, b) _mm256_add_ps(a, b)
#elif defined(__aarch64__)
#define V float32x4_t
#define VL 4
#define LOAD(p) vld1q_f32(p)
#define STORE(p, v) vst1q_f32(p, v)
#define SPLAT(x) vdupq_n_f32(x)
#define FMA(a, b, c) vfmaq_f32(c, a, b)
#define ADD(a, b) vaddq_f32(a, b)
#endif
#elif defined(DVT_GEMM_F64)
#define T double
#if defined(__AVX512F__)
#define V __m512d
#define VL 8
#define LOAD(p) _mm512_loadu_pd(p)
#define STORE(p, v) _mm512_storeu_pd(p, v)
#define SPLAT(x) _mm512_set1_pd(x)
#define FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define ADD(a, b) _mm512_add_pd(a, b)
#elif defined(__AVX2__)
#define V __m256d
#define VL 4
#define LOAD(p) _mm256_loadu_pd(p)
#define STORE(p, v) _mm256_storeu_pd(p, v)
#define SPLAT(x) _mm256_set1_pd(x)
#define FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define ADD(a, b) _mm256_add_pd(a, b)
#elif defined(__aarch64__)
#define V float64x2_t
#define VL 2
#define LOAD(p) vld1q_f64(p)
#define STORE(p, v) vst1q_f64(p, v)
#define SPLAT(x) vdupq_n_f64(x)
#define FMA(a, b, c) vfmaq_f64(c, a, b)
#define ADD(a, b) vaddq_f64(a, b)
#endif
#elif defined(DVT_GEMM_U8)
#define T uint8_t
#elif defined(DVT_GEMM_U16)
#define T uint16_t
#elif defined(DVT_GEMM_U32)
#define T uint32_t
#elif defined(DVT_GEMM_U64)
#define T uint64_t
#endif

#ifndef V
#if defined(__AVX512F__)
#define DVT_GEMM_BYTES 64
#elif defined(__AVX2__)
#define DVT_GEMM_BYTES 32
#else
#define DVT_GEMM_BYTES 16
#endif
typedef T dvt_gemm_vector __attribute__((vector_size(DVT_GEMM_BYTES)));
#define V dvt_gemm_vector
#define VL ((int)(DVT_GEMM_BYTES / sizeof(T)))
static inline V dvt_gemm_load(const T *p) {
    V v;
    memcpy(&v, p, sizeof v);
    return v;
}
static inline void dvt_gemm_store(T *p, V v) {
    memcpy(p, &v, sizeof v);
}
static inline V dvt_gemm_splat(T x) {
    V v;
    for (int i = 0; i < VL; i++) v[i] = x;
    return v;
}
#define LOAD(p) dvt_gemm_load(p)
#define STORE(p, v) dvt_gemm_store(p, v)
#define SPLAT(x) dvt_gemm_splat(x)
#define FMA(a, b, c) ((a) * (b) + (c))
#define ADD(a, b) ((a) + (b))
#endif
#define NR (NV * VL)

#define DVT_GEMM_INLINE static inline __attribute__((always_inline))
