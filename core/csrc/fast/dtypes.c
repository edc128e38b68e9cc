/* The table of element types, shared with dovetail.dtypes. */
#include "fast.h"

dvf_dtype dvf_dtypes[DVF_NDTYPES] = {
    {{DVT_BOOL, 8, 1}, 1, DVF_KIND_BOOL, "?", NULL},
    {{DVT_INT, 8, 1}, 1, DVF_KIND_INT, "b", NULL},
    {{DVT_INT, 16, 1}, 2, DVF_KIND_INT, "h", NULL},
    {{DVT_INT, 32, 1}, 4, DVF_KIND_INT, "i", NULL},
    {{DVT_INT, 64, 1}, 8, DVF_KIND_INT, "q", NULL},
    {{DVT_UINT, 8, 1}, 1, DVF_KIND_UINT, "B", NULL},
    {{DVT_UINT, 16, 1}, 2, DVF_KIND_UINT, "H", NULL},
    {{DVT_UINT, 32, 1}, 4, DVF_KIND_UINT, "I", NULL},
    {{DVT_UINT, 64, 1}, 8, DVF_KIND_UINT, "Q", NULL},
    {{DVT_FLOAT, 16, 1}, 2, DVF_KIND_FLOAT, "e", NULL},
    {{DVT_BFLOAT, 16, 1}, 2, DVF_KIND_FLOAT, NULL, NULL},
    {{DVT_FLOAT, 32, 1}, 4, DVF_KIND_FLOAT, "f", NULL},
    {{DVT_FLOAT, 64, 1}, 8, DVF_KIND_FLOAT, "d", NULL},
    {{DVT_COMPLEX, 64, 1}, 8, DVF_KIND_COMPLEX, "Zf", NULL},
    {{DVT_COMPLEX, 128, 1}, 16, DVF_KIND_COMPLEX, "Zd", NULL},
};

int dvf_dtype_index(PyObject *object) {
    for (int i = 0; i < DVF_NDTYPES; i++) {
        if (dvf_dtypes[i].object == object) return i;
    }
    PyErr_Format(PyExc_TypeError, "%R is not a dovetail dtype; dt.dtype(...) makes one from a name",
                 object);
    return -1;
}

int dvf_dtype_from_abi(dvt_dtype abi) {
    for (int i = 0; i < DVF_NDTYPES; i++) {
        dvt_dtype t = dvf_dtypes[i].abi;
        if (t.code == abi.code && t.bits == abi.bits && t.lanes == abi.lanes) return i;
    }
    return -1;
}

/* set_dtypes(tuple): the DType objects in the order of the table; each is checked against it. */
PyObject *dvf_set_dtypes(PyObject *self, PyObject *dtypes) {
    (void)self;
    if (!PyTuple_Check(dtypes) || PyTuple_GET_SIZE(dtypes) != DVF_NDTYPES) {
        PyErr_SetString(PyExc_ValueError, "set_dtypes needs a tuple of every dtype, in order");
        return NULL;
    }
    for (int i = 0; i < DVF_NDTYPES; i++) {
        PyObject *object = PyTuple_GET_ITEM(dtypes, i);
        PyObject *code = PyObject_GetAttrString(object, "code");
        PyObject *size = code ? PyObject_GetAttrString(object, "itemsize") : NULL;
        bool same = size != NULL && PyLong_AsLong(code) == dvf_dtypes[i].abi.code &&
                    PyLong_AsLong(size) == dvf_dtypes[i].itemsize;
        Py_XDECREF(code);
        Py_XDECREF(size);
        if (!same) {
            if (!PyErr_Occurred())
                PyErr_Format(PyExc_ValueError, "dtype %R does not match the table in dtypes.c",
                             object);
            return NULL;
        }
        Py_XSETREF(dvf_dtypes[i].object, Py_NewRef(object));
    }
    Py_RETURN_NONE;
}
