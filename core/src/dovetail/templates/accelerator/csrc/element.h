/* element.h: the element-wise arithmetic, shared by kernels and programs. */
#ifndef ELEMENT_H
#define ELEMENT_H

#include "device.h"

typedef enum element_type { TYPE_F32, TYPE_F64, TYPE_I32, TYPE_I64, N_TYPES } element_type;

/* z[i] = f(x[i], y[i]) for i < n; z may be x or y. y is not read by functions of one operand. */
typedef void (*element_fn)(const void *x, const void *y, void *z, uint64_t n);

typedef struct element_op {
    const char *name;
    uint32_t n_inputs;
    element_fn compute[N_TYPES]; /* null: not of this type */
} element_op;

extern const element_op element_ops[];
extern const uint32_t n_element_ops;

/* The row of an op of version 1; null when there is none. */
const element_op *element_find(const char *name, uint32_t version);
/* N_TYPES when there is no arithmetic of a type. */
element_type element_type_of(dvt_dtype dtype);
uint64_t element_bytes(element_type type);
const char *element_word(element_type type);

#endif
