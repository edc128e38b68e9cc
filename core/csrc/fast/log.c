/* What plugins logged, handed to Python; the queue itself never needs the interpreter. */
#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <string.h>

#include "host.h"

static void append(void *context, int32_t level, const char *text) {
    PyObject *list = context;
    if (PyErr_Occurred()) return; /* the rest of the lines is lost with the first failure */
    PyObject *line = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    PyObject *pair = line != NULL ? Py_BuildValue("(iN)", (int)level, line) : NULL;
    if (pair == NULL) return;
    PyList_Append(list, pair);
    Py_DECREF(pair);
}

PyObject *dvf_py_drain_log(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    PyObject *list = PyList_New(0);
    if (list == NULL) return NULL;
    dvf_host_drain_log(append, list);
    if (PyErr_Occurred()) Py_CLEAR(list);
    return list;
}
