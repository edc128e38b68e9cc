/* What Python sees of the validation layer. */
#ifndef DVF_VALIDATE_PYTHON_H
#define DVF_VALIDATE_PYTHON_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

int dvf_validation_init(PyObject *module);

#endif
