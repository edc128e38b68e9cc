/* What each compiler is told about a loop. */
#ifndef DVT_CPU_COMPILER_H
#define DVT_CPU_COMPILER_H

/* No iteration of the next loop needs the result of another. Clang is not told: its word for that
 * also demands vectors, and it warns where a loop calls the C library. It compares the addresses
 * when the loop begins, and takes the scalar way where an output is an input. */
#if defined(__clang__)
#define DVT_INDEPENDENT
#define DVT_UNROLL _Pragma("unroll")
#elif defined(__GNUC__)
#define DVT_INDEPENDENT _Pragma("GCC ivdep")
#define DVT_UNROLL _Pragma("GCC unroll 32")
#else
#define DVT_INDEPENDENT
#define DVT_UNROLL
#endif

/* GCC adds products of neighbouring parts without rounding them, even where it is told not to contract
 * anything, once it has vectors of them: a function that must not be changed so. */
#if defined(__GNUC__) && !defined(__clang__)
#define DVT_SCALAR __attribute__((optimize("no-tree-vectorize")))
#else
#define DVT_SCALAR
#endif

#endif
