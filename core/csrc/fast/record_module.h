/* record_module.h: the functions that record_module.c gives to the module dovetail._fast. */
#ifndef DVF_RECORD_MODULE_H
#define DVF_RECORD_MODULE_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

PyObject *dvf_py_record_plugin(PyObject *self, PyObject *args);
PyObject *dvf_py_host_address(PyObject *self, PyObject *capsule);

#endif
