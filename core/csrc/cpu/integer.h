/* Division, remainder and powers of integers: total functions, no trap. */
#ifndef DVT_CPU_INTEGER_H
#define DVT_CPU_INTEGER_H

#include <stdint.h>

#include "element.h"

/* Python's rule: the quotient is rounded down, the remainder has the divisor's sign. Division by 0
 * gives 0; by -1 the quotient wraps as a negation does. A power with a negative exponent is the
 * truncated reciprocal. */
#define DVT_SIGNED_DIVISION(end, END, type)                                                        \
    static inline type dvt_floor_divide_##end(type x, type y) {                                    \
        if (y == 0) return 0;                                                                      \
        if (y == -1) return (type)(0 - (uint64_t)x);                                               \
        const type q = (type)(x / y);                                                              \
        return (type)(q - (q * y != x && (x < 0) != (y < 0)));                                     \
    }                                                                                              \
    static inline type dvt_remainder_##end(type x, type y) {                                       \
        if (y == 0 || y == -1) return 0;                                                           \
        const type r = (type)(x % y);                                                              \
        return (type)(r != 0 && (r < 0) != (y < 0) ? r + y : r);                                   \
    }                                                                                              \
    static inline type dvt_power_##end(type x, type y) {                                           \
        if (y < 0) return (type)(x == 1 ? 1 : x == -1 ? ((y & 1) ? -1 : 1) : 0);                   \
        uint64_t base = (uint64_t)x, result = 1;                                                   \
        for (uint64_t k = (uint64_t)y; k != 0; k >>= 1, base *= base)                              \
            result *= (k & 1) ? base : 1;                                                          \
        return (type)result;                                                                       \
    }

#define DVT_UNSIGNED_DIVISION(end, END, type)                                                      \
    static inline type dvt_floor_divide_##end(type x, type y) {                                    \
        return (type)(y == 0 ? 0 : x / y);                                                         \
    }                                                                                              \
    static inline type dvt_remainder_##end(type x, type y) {                                       \
        return (type)(y == 0 ? 0 : x % y);                                                         \
    }                                                                                              \
    static inline type dvt_power_##end(type x, type y) {                                           \
        uint64_t base = x, result = 1;                                                             \
        for (uint64_t k = y; k != 0; k >>= 1, base *= base) result *= (k & 1) ? base : 1;          \
        return (type)result;                                                                       \
    }

DVT_SIGNED_TYPES(DVT_SIGNED_DIVISION)
DVT_UNSIGNED_TYPES(DVT_UNSIGNED_DIVISION)

#endif
