/* 16-bit floats (IEEE half and bfloat16) in and out of float32, in blocks; rounding to nearest even,
 * subnormal numbers kept, a NaN stays a NaN. */
#ifndef DVT_CPU_HALF_H
#define DVT_CPU_HALF_H

#include <stddef.h>

#include "map.h"

/* half is not DVT_HALF_NONE. */
void dvt_half_widen(dvt_half half, float *to, const void *from, size_t n);
void dvt_half_narrow(dvt_half half, void *to, const float *from, size_t n);

/* The kind of a type, DVT_HALF_NONE for all others. */
static inline dvt_half dvt_half_of(dvt_type type) {
    return type == DVT_TYPE_F16    ? DVT_HALF_F16
           : type == DVT_TYPE_BF16 ? DVT_HALF_BF16
                                   : DVT_HALF_NONE;
}

#endif
