/* Arrays to and from other libraries: the buffer protocol and DLPack, without copies where memory is
 * host-visible. Exports are read-only, since arrays are immutable. */
#include <stdlib.h>
#include <string.h>

#include "dlpack.h"
#include "fast.h"
#include "transfer.h"

/* ---- buffer protocol ----------------------------------------------------------------------------- */

int dvf_array_getbuffer(PyObject *self, Py_buffer *view, int flags) {
    dvf_array *a = (dvf_array *)self;
    view->obj = NULL;
    if (dvf_array_check(a) < 0) return -1;
    const dvf_dtype *t = &dvf_dtypes[a->dtype];
    if (a->tracer != NULL || !a->device->host_visible || t->format == NULL) {
        PyErr_Format(PyExc_BufferError,
                     a->tracer != NULL ? "a traced %S array has no memory; use numpy outside jit"
                     : t->format == NULL
                         ? "%S has no buffer format; convert with astype(float32) first"
                         : "a %S array in device memory; move it with to_device(\"cpu\") first",
                     t->object);
        return -1;
    }
    if (flags & PyBUF_WRITABLE) {
        PyErr_SetString(PyExc_BufferError, "arrays are immutable: their buffer is read-only");
        return -1;
    }
    bool strided = (flags & PyBUF_STRIDES) == PyBUF_STRIDES;
    if (!a->contiguous && !strided) {
        PyErr_SetString(PyExc_BufferError, "a strided array needs a consumer that takes strides");
        return -1;
    }
    Py_ssize_t *extents = PyMem_Malloc((2 * (size_t)a->view.ndim + 1) * sizeof *extents);
    if (extents == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int d = 0; d < a->view.ndim; d++) {
        extents[d] = (Py_ssize_t)a->view.shape[d];
        extents[a->view.ndim + d] = (Py_ssize_t)(a->view.strides[d] * t->itemsize);
    }
    dvf_retain(a->buffer); /* x[i] = v may rebind `self` while the view lives */
    view->obj = Py_NewRef(self);
    view->buf = dvf_array_data(a);
    view->len = (Py_ssize_t)(dvf_array_size(a) * t->itemsize);
    view->readonly = 1;
    view->itemsize = t->itemsize;
    view->format = (flags & PyBUF_FORMAT) ? (char *)(uintptr_t)t->format : NULL;
    view->ndim = a->view.ndim;
    view->shape = (flags & PyBUF_ND) ? extents : NULL;
    view->strides = strided ? extents + a->view.ndim : NULL;
    view->suboffsets = NULL;
    struct {
        Py_ssize_t *extents;
        dvf_buffer *buffer;
    } *hold = PyMem_Malloc(sizeof *hold);
    if (hold == NULL) {
        PyMem_Free(extents);
        dvf_release(a->buffer);
        Py_CLEAR(view->obj);
        PyErr_NoMemory();
        return -1;
    }
    hold->extents = extents;
    hold->buffer = a->buffer;
    view->internal = hold;
    return 0;
}

void dvf_array_releasebuffer(PyObject *self, Py_buffer *view) {
    (void)self;
    struct {
        Py_ssize_t *extents;
        dvf_buffer *buffer;
    } *hold = view->internal;
    PyMem_Free(hold->extents);
    dvf_release(hold->buffer);
    PyMem_Free(hold);
}

/* from_buffer(object, dtype, shape, strides (elements) or None, offset (bytes), device, copy) -> Array
 * over (copy=False) or with a copy of the object's memory. Only aligned memory of a device that the
 * host can read is shared. */
PyObject *dvf_py_from_buffer(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *object, *dtype, *shape, *strides, *device;
    long long offset;
    int copy;
    if (!PyArg_ParseTuple(args, "OOO!OLO!p", &object, &dtype, &PyTuple_Type, &shape, &strides,
                          &offset, dvf_device_type, &device, &copy))
        return NULL;
    dvf_device *d = (dvf_device *)device;
    int index = dvf_dtype_index(dtype), ndim = (int)PyTuple_GET_SIZE(shape);
    if (index < 0) return NULL;
    if (ndim > DVF_MAX_NDIM) {
        PyErr_Format(dvf_OpError, "arrays have at most %d axes, not %d", DVF_MAX_NDIM, ndim);
        return NULL;
    }
    Py_buffer view;
    if (PyObject_GetBuffer(object, &view, PyBUF_STRIDED_RO) < 0) return NULL;
    int64_t extents[2 * DVF_MAX_NDIM], stride = 1, last = 0, first = 0;
    int64_t item = dvf_dtypes[index].itemsize;
    PyObject *result = NULL;
    for (int i = ndim - 1; i >= 0; i--) {
        int64_t n = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
        extents[i] = n;
        extents[ndim + i] =
            strides == Py_None ? stride : PyLong_AsLongLong(PyTuple_GetItem(strides, i));
        if (PyErr_Occurred()) goto done;
        if (n < 0 || __builtin_mul_overflow(stride, n == 0 ? 1 : n, &stride)) {
            PyErr_SetString(dvf_OpError, "the shape is negative or too large for any memory");
            goto done;
        }
        int64_t reach = n > 0 ? (n - 1) * extents[ndim + i] : 0;
        if (reach > 0) last += reach;
        if (reach < 0) first += reach;
    }
    bool empty = false;
    for (int i = 0; i < ndim; i++) empty = empty || extents[i] == 0;
    if (!empty && (offset + first * item < 0 || offset + (last + 1) * item > view.len) &&
        view.strides == NULL) {
        PyErr_Format(dvf_OpError, "the buffer of %zd bytes is too small for this shape", view.len);
        goto done;
    }
    char *data = (char *)view.buf + offset;
    uintptr_t unit = (uintptr_t)(dvf_dtypes[index].kind == DVF_KIND_COMPLEX ? item / 2 : item);
    if (!copy && d->host_visible && (uintptr_t)data % unit == 0) {
        PyObject *keep = PyMemoryView_FromObject(object);
        dvf_buffer *buffer =
            keep != NULL ? dvf_adopt_memory(d, view.buf, (uint64_t)view.len, keep) : NULL;
        Py_XDECREF(keep);
        dvf_array *a = buffer ? dvf_array_from_buffer(buffer, d, index, ndim, extents) : NULL;
        if (a != NULL) {
            memcpy(a->view.strides, extents + ndim, (size_t)ndim * sizeof(int64_t));
            a->view.byte_offset = (uint64_t)offset;
            dvf_array_update_contiguous(a);
        }
        result = (PyObject *)a;
        goto done;
    }
    dvf_array *a = dvf_array_empty(d, index, ndim, extents);
    if (a == NULL) goto done;
    result = (PyObject *)a;
    if (empty) goto done;
    dvt_tensor source = a->view;
    source.data = data;
    source.byte_offset = 0;
    source.strides = extents + ndim;
    if (dvf_copy_or_raise(&source, NULL, &a->view, d, "copy from the host") < 0) Py_CLEAR(result);
done:
    PyBuffer_Release(&view);
    return result;
}

/* ---- other arrays --------------------------------------------------------------------------------- */

/* traced(value, dtype, shape, device, weak) -> Array without memory that stands for a graph value */
PyObject *dvf_py_traced(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *value, *dtype, *shape, *device;
    int weak;
    if (!PyArg_ParseTuple(args, "OOO!O!p", &value, &dtype, &PyTuple_Type, &shape, dvf_device_type,
                          &device, &weak))
        return NULL;
    int index = dvf_dtype_index(dtype), ndim = (int)PyTuple_GET_SIZE(shape);
    if (index < 0) return NULL;
    int64_t extents[DVF_MAX_NDIM];
    if (ndim > DVF_MAX_NDIM) {
        PyErr_Format(dvf_OpError, "arrays have at most %d axes, not %d", DVF_MAX_NDIM, ndim);
        return NULL;
    }
    for (int i = 0; i < ndim; i++) {
        extents[i] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, i));
        if (extents[i] == -1 && PyErr_Occurred()) return NULL;
    }
    dvf_array *a = dvf_array_from_buffer(NULL, (dvf_device *)device, index, ndim, extents);
    if (a == NULL) return NULL;
    a->tracer = Py_NewRef(value);
    a->weak = weak != 0;
    return (PyObject *)a;
}

/* alias(array) -> another Array of the same value: a new identity for a tape to watch. */
static PyObject *py_alias(PyObject *self, PyObject *array) {
    (void)self;
    if (!dvf_is_array(array)) {
        PyErr_SetString(PyExc_TypeError, "alias needs an Array");
        return NULL;
    }
    return (PyObject *)dvf_array_alias((dvf_array *)array);
}

static PyMethodDef functions[] = {
    {"from_buffer", dvf_py_from_buffer, METH_VARARGS, "An Array over or from a buffer."},
    {"traced", dvf_py_traced, METH_VARARGS, "A traced Array."},
    {"alias", py_alias, METH_O, "Another Array of the same value."},
    {NULL, NULL, 0, NULL}};

int dvf_interchange_init(PyObject *module) {
    if (dvf_dlpack_exchange_init() < 0 || dvf_transfer_init(module) < 0) return -1;
    return PyModule_AddFunctions(module, functions);
}
