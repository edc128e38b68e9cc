/* Attributes from Python values to the ABI's typed form. */
#include <stdlib.h>
#include <string.h>

#include "fast.h"

void dvf_attrs_clear(dvf_attrs *attrs) {
    for (uint32_t i = 0; attrs->items != NULL && i < attrs->count; i++)
        free((void *)(uintptr_t)attrs->items[i].values);
    free(attrs->items);
    Py_CLEAR(attrs->keep);
    attrs->items = NULL;
    attrs->count = 0;
}

static bool is_dtype(PyObject *value, int *index) {
    for (int i = 0; i < DVF_NDTYPES; i++) {
        if (dvf_dtypes[i].object == value) {
            *index = i;
            return true;
        }
    }
    return false;
}

static int number_list(dvt_attr *a, PyObject *const *items, Py_ssize_t n) {
    bool floating = false;
    for (Py_ssize_t i = 0; i < n; i++) floating = floating || PyFloat_Check(items[i]);
    void *values = calloc((size_t)(n > 0 ? n : 1), 8);
    a->values = values;
    if (values == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    a->kind = floating ? DVT_ATTR_FLOAT64 : DVT_ATTR_INT64;
    a->count = (uint64_t)n;
    for (Py_ssize_t i = 0; i < n; i++) {
        if (floating) {
            ((double *)values)[i] = PyFloat_AsDouble(items[i]);
        } else {
            PyObject *index = PyNumber_Index(items[i]);
            if (index == NULL) return -1;
            ((int64_t *)values)[i] = PyLong_AsLongLong(index);
            Py_DECREF(index);
        }
        if (PyErr_Occurred()) return -1;
    }
    return 0;
}

static int fill(dvt_attr *a, PyObject *value) {
    int dtype;
    if (PyTuple_Check(value)) {
        a->is_list = 1;
        return number_list(a, &PyTuple_GET_ITEM(value, 0), PyTuple_GET_SIZE(value));
    }
    if (PyUnicode_Check(value)) {
        const char **text = calloc(1, sizeof *text);
        a->values = text;
        if (text == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        a->kind = DVT_ATTR_STRING;
        a->count = 1;
        *text = PyUnicode_AsUTF8(value); /* lives as long as the dict in `keep` */
        return *text != NULL ? 0 : -1;
    }
    if (is_dtype(value, &dtype)) {
        dvt_dtype *d = calloc(1, sizeof *d);
        a->values = d;
        if (d == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        *d = dvf_dtypes[dtype].abi;
        a->kind = DVT_ATTR_DTYPE;
        a->count = 1;
        return 0;
    }
    return number_list(a, &value, 1);
}

int dvf_attrs_from_dict(PyObject *dict, dvf_attrs *attrs) {
    memset(attrs, 0, sizeof *attrs);
    if (!PyDict_Check(dict)) {
        PyErr_SetString(PyExc_TypeError, "attributes must be a dict");
        return -1;
    }
    attrs->keep = PyDict_Copy(dict);
    attrs->items = calloc((size_t)PyDict_GET_SIZE(dict) + 1, sizeof *attrs->items);
    if (attrs->keep == NULL || attrs->items == NULL) {
        if (!PyErr_Occurred()) PyErr_NoMemory();
        dvf_attrs_clear(attrs);
        return -1;
    }
    Py_ssize_t at = 0;
    PyObject *name, *value;
    while (PyDict_Next(attrs->keep, &at, &name, &value)) {
        if (value == Py_None) continue; /* absent is the value "none" */
        dvt_attr *a = &attrs->items[attrs->count];
        a->name = PyUnicode_AsUTF8(name);
        attrs->count++;
        if (a->name == NULL || fill(a, value) < 0) {
            dvf_attrs_clear(attrs);
            return -1;
        }
    }
    return 0;
}
