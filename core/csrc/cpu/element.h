/* Element types: their numbers, sizes and words, and what a family's table per type is indexed by. */
#ifndef DVT_CPU_ELEMENT_H
#define DVT_CPU_ELEMENT_H

#include <stddef.h>
#include <stdint.h>

#include "dovetail.h"

typedef enum dvt_type {
    DVT_TYPE_BOOL,
    DVT_TYPE_I8,
    DVT_TYPE_I16,
    DVT_TYPE_I32,
    DVT_TYPE_I64,
    DVT_TYPE_U8,
    DVT_TYPE_U16,
    DVT_TYPE_U32,
    DVT_TYPE_U64,
    DVT_TYPE_F16,
    DVT_TYPE_BF16,
    DVT_TYPE_F32,
    DVT_TYPE_F64,
    DVT_N_TYPES,
} dvt_type;

/* The type's number, or DVT_N_TYPES for one that this device does not know. */
static inline dvt_type dvt_type_of(dvt_dtype dtype) {
    if (dtype.lanes != 1) return DVT_N_TYPES;
    switch (dtype.code << 8 | dtype.bits) {
    case DVT_BOOL << 8 | 8:
        return DVT_TYPE_BOOL;
    case DVT_INT << 8 | 8:
        return DVT_TYPE_I8;
    case DVT_INT << 8 | 16:
        return DVT_TYPE_I16;
    case DVT_INT << 8 | 32:
        return DVT_TYPE_I32;
    case DVT_INT << 8 | 64:
        return DVT_TYPE_I64;
    case DVT_UINT << 8 | 8:
        return DVT_TYPE_U8;
    case DVT_UINT << 8 | 16:
        return DVT_TYPE_U16;
    case DVT_UINT << 8 | 32:
        return DVT_TYPE_U32;
    case DVT_UINT << 8 | 64:
        return DVT_TYPE_U64;
    case DVT_FLOAT << 8 | 16:
        return DVT_TYPE_F16;
    case DVT_BFLOAT << 8 | 16:
        return DVT_TYPE_BF16;
    case DVT_FLOAT << 8 | 32:
        return DVT_TYPE_F32;
    case DVT_FLOAT << 8 | 64:
        return DVT_TYPE_F64;
    default:
        return DVT_N_TYPES;
    }
}

static inline uint32_t dvt_type_size(dvt_type type) {
    static const uint8_t sizes[DVT_N_TYPES + 1] = {1, 1, 2, 4, 8, 1, 2, 4, 8, 2, 2, 4, 8, 0};
    return sizes[type];
}

/* Lists of types for X-macros: the name's end, DVT_TYPE_'s end, the C type. */
#define DVT_SIGNED_TYPES(X)                                                                        \
    X(i8, I8, int8_t) X(i16, I16, int16_t) X(i32, I32, int32_t) X(i64, I64, int64_t)
#define DVT_UNSIGNED_TYPES(X)                                                                      \
    X(u8, U8, uint8_t) X(u16, U16, uint16_t) X(u32, U32, uint32_t) X(u64, U64, uint64_t)
#define DVT_INTEGER_TYPES(X) DVT_SIGNED_TYPES(X) DVT_UNSIGNED_TYPES(X)
#define DVT_REAL_TYPES(X) X(f32, F32, float) X(f64, F64, double)

/* The words of dvt_kernel_def.types. */
#define DVT_INTEGER_WORDS "i8|i16|i32|i64|u8|u16|u32|u64"
#define DVT_FLOAT_WORDS "f16|bf16|f32|f64"
#define DVT_NUMBER_WORDS DVT_INTEGER_WORDS "|" DVT_FLOAT_WORDS
#define DVT_ALL_WORDS "bool|" DVT_NUMBER_WORDS

/* How many elements a tensor has; 1 for a scalar. */
static inline int64_t dvt_size(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t i = 0; i < t->ndim; i++) n *= t->shape[i];
    return n;
}

/* How many elements a row-major tensor has, or -1 when its elements do not follow each other. */
static inline int64_t dvt_contiguous_size(const dvt_tensor *t) {
    int64_t n = 1;
    if (t->ndim == 1) /* the commonest, without a loop */
        return t->strides[0] == 1 || t->shape[0] <= 1 ? t->shape[0] : -1;
    for (int32_t i = t->ndim; i-- > 0;) {
        if (t->shape[i] != 1 && t->strides[i] != n && n != 0) return -1;
        n *= t->shape[i];
    }
    return n;
}

#endif
