/* Tensor specs built from Python descriptions. */
#include "specs.h"

#include <stdlib.h>
#include <string.h>

void dvf_specs_clear(dvf_specs *specs) {
    free(specs->tensors);
    free(specs->pointers);
    free(specs->extents);
    memset(specs, 0, sizeof *specs);
}

static int fill(dvt_tensor *t, PyObject *shape, PyObject *strides, int64_t *extents) {
    Py_ssize_t ndim = PyTuple_GET_SIZE(shape);
    t->ndim = (int32_t)ndim;
    t->shape = extents;
    t->strides = extents + ndim;
    int64_t stride = 1;
    for (Py_ssize_t d = ndim - 1; d >= 0; d--) {
        t->shape[d] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, d));
        t->strides[d] = stride;
        stride *= t->shape[d];
        if (strides != Py_None) t->strides[d] = PyLong_AsLongLong(PyTuple_GET_ITEM(strides, d));
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

int dvf_specs_from_tuple(PyObject *tuple, dvf_device *device, dvf_specs *specs) {
    memset(specs, 0, sizeof *specs);
    if (!PyTuple_Check(tuple)) {
        PyErr_SetString(PyExc_TypeError, "specs must be a tuple of (dtype, shape[, strides])");
        return -1;
    }
    Py_ssize_t n = PyTuple_GET_SIZE(tuple), extents = 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *dtype, *shape, *strides = Py_None;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(tuple, i), "OO!|O", &dtype, &PyTuple_Type, &shape,
                              &strides))
            return -1;
        if (strides != Py_None &&
            (!PyTuple_Check(strides) || PyTuple_GET_SIZE(strides) != PyTuple_GET_SIZE(shape))) {
            PyErr_SetString(PyExc_TypeError, "strides must be as many as extents");
            return -1;
        }
        extents += 2 * PyTuple_GET_SIZE(shape);
    }
    specs->tensors = calloc((size_t)n + 1, sizeof *specs->tensors);
    specs->pointers = calloc((size_t)n + 1, sizeof *specs->pointers);
    specs->extents = calloc((size_t)extents + 1, sizeof *specs->extents);
    if (specs->tensors == NULL || specs->pointers == NULL || specs->extents == NULL) {
        dvf_specs_clear(specs);
        PyErr_NoMemory();
        return -1;
    }
    int64_t *next = specs->extents;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *dtype, *shape, *strides = Py_None;
        dvt_tensor *t = &specs->tensors[i];
        int index = -1;
        if (PyArg_ParseTuple(PyTuple_GET_ITEM(tuple, i), "OO|O", &dtype, &shape, &strides))
            index = dvf_dtype_index(dtype);
        if (index < 0 || fill(t, shape, strides, next) < 0) {
            dvf_specs_clear(specs);
            return -1;
        }
        t->dtype = dvf_dtypes[index].abi;
        t->place = device->place;
        next += 2 * t->ndim;
        specs->pointers[i] = t;
    }
    specs->count = (uint32_t)n;
    return 0;
}
