/* Random numbers, and the functions that give the same bits everywhere. */
#include "random_rows.h"

#include "rows.h"

#define ROW(name, words, kernel)                                                                   \
    {.op = name,                                                                                   \
     .types = words,                                                                               \
     .min_version = 1,                                                                             \
     .max_version = 1,                                                                             \
     .run = dvt_random_##kernel##_run,                                                             \
     .prepare = dvt_random_##kernel##_prepare}

const dvt_kernel_def dvt_cpu_random_rows[] = {
    ROW("random_bits", "K=u32;T=u8|u16|u32|u64", bits),
    ROW("random_bits_batch", "K=u32;T=u8|u16|u32|u64", bits),
    ROW("random_below", "K=u32", below),
    ROW("random_uniform", "K=u32;T=f32|f64", uniform),
    ROW("random_normal", "K=u32;T=f32|f64", normal),
    ROW("random_gamma", "K=u32;T=f32|f64", gamma),
    ROW("random_gamma_gradient", "T=f32|f64", gamma_gradient),
    ROW("random_poisson", "K=u32;T=f32|f64", poisson),
    ROW("random_binomial", "K=u32;T=f32|f64", binomial),
    ROW("random_truncated_normal", "K=u32;T=f32|f64", truncated_normal),
    ROW("random_von_mises", "K=u32;T=f32|f64", von_mises),
    ROW("portable_log", "T=f32|f64", portable_log),
    ROW("portable_exp", "T=f32|f64", portable_exp),
};
const uint32_t dvt_cpu_random_count = sizeof dvt_cpu_random_rows / sizeof dvt_cpu_random_rows[0];
