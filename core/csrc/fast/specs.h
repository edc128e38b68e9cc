/* Tensor specs (views without data) built from Python descriptions. */
#ifndef DVF_SPECS_H
#define DVF_SPECS_H

#include "fast.h"

typedef struct dvf_specs {
    dvt_tensor *tensors;
    const dvt_tensor **pointers;
    int64_t *extents;
    uint32_t count;
} dvf_specs;

/* From a tuple of (DType, shape) or (DType, shape, strides or None). 0 or -1. */
int dvf_specs_from_tuple(PyObject *tuple, dvf_device *device, dvf_specs *specs);
void dvf_specs_clear(dvf_specs *specs);

#endif
