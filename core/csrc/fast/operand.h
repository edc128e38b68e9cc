/* Operands: from whatever a user passes to Arrays, Python scalars included. */
#ifndef DVF_OPERAND_H
#define DVF_OPERAND_H

#include "fast.h"

/* Whether an operator slot should try: an Array, a Python scalar, or something asarray takes. */
bool dvf_operand_possible(PyObject *object);
/* Convert n operands and dispatch; attrs null: the defaults. New reference. */
PyObject *dvf_call_operands(dvf_op *op, PyObject *const *operands, int n, PyObject *const *attrs);
/* The single element of a host-visible or copied array as a Python scalar. */
PyObject *dvf_read_scalar(dvf_array *a);
/* A 0-d Array of a Python scalar, from a small cache. New reference. */
dvf_array *dvf_scalar_array(PyObject *scalar, int dtype, dvf_device *device);
/* Forget that cache: its arrays hold memory of devices. */
void dvf_clear_scalars(void);

#endif
