/* Kernels written in Python, for ops that a library on the host does better than code of ours would:
 * LAPACK, FFT, sorting. They look like a device's kernels to the cache and to plans. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fast.h"

/* (address, DType, shape, strides in bytes) */
static PyObject *describe(const dvt_tensor *t) {
    int dtype = dvf_dtype_from_abi(t->dtype);
    if (dtype < 0) {
        PyErr_SetString(PyExc_SystemError, "an operand has a dtype that Dovetail lacks");
        return NULL;
    }
    PyObject *shape = PyTuple_New(t->ndim), *strides = PyTuple_New(t->ndim);
    for (int d = 0; shape != NULL && strides != NULL && d < t->ndim; d++) {
        PyTuple_SET_ITEM(shape, d, PyLong_FromLongLong(t->shape[d]));
        PyTuple_SET_ITEM(strides, d,
                         PyLong_FromLongLong(t->strides[d] * dvf_dtypes[dtype].itemsize));
    }
    if (shape == NULL || strides == NULL || PyErr_Occurred()) {
        Py_XDECREF(shape);
        Py_XDECREF(strides);
        return NULL;
    }
    uintptr_t address = (uintptr_t)t->data + (uintptr_t)t->byte_offset;
    return Py_BuildValue("(KONN)", (unsigned long long)address, dvf_dtypes[dtype].object, shape,
                         strides);
}

static PyObject *describe_all(const dvt_tensor *const *tensors, uint32_t count) {
    PyObject *all = PyTuple_New((Py_ssize_t)count);
    for (uint32_t i = 0; all != NULL && i < count; i++) {
        PyObject *one = describe(tensors[i]);
        if (one == NULL)
            Py_CLEAR(all);
        else
            PyTuple_SET_ITEM(all, (Py_ssize_t)i, one);
    }
    return all;
}

/* The pending exception as a status and its text. An interruption stays pending for the interpreter. */
static dvt_status explain(dvt_error *error) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    bool refused = PyErr_GivenExceptionMatches(type, dvf_OpError);
    if (PyErr_GivenExceptionMatches(type, PyExc_KeyboardInterrupt)) PyErr_SetInterrupt();
    PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
    const char *words = text != NULL ? PyUnicode_AsUTF8(text) : NULL;
    const char *name = ((PyTypeObject *)type)->tp_name;
    snprintf(error->message, sizeof error->message, "%s%s%s", refused ? "" : name,
             refused ? "" : ": ", words != NULL ? words : "");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
    return refused ? DVT_INVALID_ARGUMENT : DVT_INTERNAL;
}

static dvt_status run(const dvt_call *call, dvt_error *error) {
    PyGILState_STATE state = PyGILState_Ensure();
    dvt_status status = DVT_OK;
    PyObject *inputs = describe_all(call->inputs, call->n_inputs);
    PyObject *outputs = inputs != NULL ? describe_all(call->outputs, call->n_outputs) : NULL;
    PyObject *done = NULL;
    if (outputs != NULL)
        done = PyObject_CallFunctionObjArgs((PyObject *)call->kernel, inputs, outputs, NULL);
    if (done == NULL) status = explain(error);
    Py_XDECREF(done);
    Py_XDECREF(outputs);
    Py_XDECREF(inputs);
    PyGILState_Release(state);
    return status;
}

static void destroy(dvt_kernel *function) {
    Py_DECREF((PyObject *)function);
}

/* host_kernel(device, name, function) -> Kernel that calls function(inputs, outputs), each a tuple of
 * (address, DType, shape, strides in bytes); the function fills the outputs. */
PyObject *dvf_py_host_kernel(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *device, *name, *function;
    if (!PyArg_ParseTuple(args, "O!UO", dvf_device_type, &device, &name, &function)) return NULL;
    dvf_kernel *k = PyObject_New(dvf_kernel, dvf_kernel_type);
    if (k == NULL) return NULL;
    memset((char *)k + sizeof(PyObject), 0, sizeof *k - sizeof(PyObject));
    k->device = (dvf_device *)Py_NewRef(device);
    k->op_name = Py_NewRef(name);
    k->run = run;
    k->handle = (dvt_kernel *)Py_NewRef(function);
    k->destroy = destroy;
    k->flags = DVF_INFO_PYTHON;
    k->row_flags = DVT_KERNEL_STRIDED | DVT_KERNEL_EMPTY;
    return (PyObject *)k;
}
