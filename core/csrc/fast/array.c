/* Array: what a user holds. n-dimensional, typed, on a device, immutable storage: x[i] = v rebinds x
 * to new storage, so views never alias visibly. */
#include "fast.h"

#include <structmember.h>

#include <stddef.h>
#include <string.h>

#include "array_number.h"

PyTypeObject *dvf_array_type;

#define FREE_LIST_LIMIT 256
static dvf_array *free_list[FREE_LIST_LIMIT];
static int free_count;

dvf_array *dvf_array_new(int ndim) {
    dvf_array *a;
    if (free_count > 0) {
        a = free_list[--free_count];
        PyObject_Init((PyObject *)a, dvf_array_type);
    } else {
        a = PyObject_New(dvf_array, dvf_array_type);
        if (a == NULL) return NULL;
    }
    a->buffer = NULL;
    a->tracer = NULL;
    a->weakrefs = NULL;
    a->weak = false;
    a->contiguous = true;
    a->view.data = NULL;
    a->view.byte_offset = 0;
    a->view.ndim = ndim;
    a->view.shape = a->dims;
    a->view.strides = a->dims + DVF_INLINE_NDIM;
    if (ndim > DVF_INLINE_NDIM) {
        a->view.shape = PyMem_Malloc(2 * (size_t)ndim * sizeof(int64_t));
        if (a->view.shape == NULL) {
            a->view.ndim = 0;
            Py_DECREF(a);
            PyErr_NoMemory();
            return NULL;
        }
        a->view.strides = a->view.shape + ndim;
    }
    return a;
}

static void array_dealloc(PyObject *self) {
    dvf_array *a = (dvf_array *)self;
    if (a->weakrefs != NULL) PyObject_ClearWeakRefs(self);
    if (a->buffer != NULL) dvf_release(a->buffer);
    Py_CLEAR(a->tracer);
    if (a->view.ndim > DVF_INLINE_NDIM) PyMem_Free(a->view.shape);
    PyTypeObject *type = Py_TYPE(self);
    if (free_count < FREE_LIST_LIMIT) {
        free_list[free_count++] = a;
    } else {
        PyObject_Free(self);
    }
    Py_DECREF(type);
}

int64_t dvf_array_size(const dvf_array *a) {
    int64_t n = 1;
    for (int i = 0; i < a->view.ndim; i++) n *= a->view.shape[i];
    return n;
}

void dvf_array_update_contiguous(dvf_array *a) {
    int64_t expected = 1;
    a->contiguous = true;
    for (int i = a->view.ndim - 1; i >= 0; i--) {
        if (a->view.shape[i] != 1 && a->view.strides[i] != expected) a->contiguous = false;
        expected *= a->view.shape[i];
    }
    if (expected == 0) a->contiguous = true;
}

static void set_dtype(dvf_array *a, dvf_device *device, int dtype) {
    a->device = device;
    a->dtype = (uint8_t)dtype;
    a->view.dtype = dvf_dtypes[dtype].abi;
    a->view.place = device->place;
}

dvf_array *dvf_array_from_buffer(dvf_buffer *buffer, dvf_device *device, int dtype, int ndim,
                                 const int64_t *shape) {
    dvf_array *a = dvf_array_new(ndim);
    if (a == NULL) {
        if (buffer != NULL) dvf_release(buffer);
        return NULL;
    }
    set_dtype(a, device, dtype);
    int64_t stride = 1;
    for (int i = ndim - 1; i >= 0; i--) {
        a->view.shape[i] = shape[i];
        a->view.strides[i] = stride;
        stride *= shape[i];
    }
    a->buffer = buffer;
    a->view.data = buffer != NULL ? buffer->data : NULL;
    return a;
}

dvf_array *dvf_array_empty(dvf_device *device, int dtype, int ndim, const int64_t *shape) {
    uint64_t size = dvf_dtypes[dtype].itemsize;
    for (int i = 0; i < ndim; i++) size *= (uint64_t)shape[i];
    dvf_buffer *buffer = dvf_alloc(device, size);
    return buffer == NULL ? NULL : dvf_array_from_buffer(buffer, device, dtype, ndim, shape);
}

dvf_array *dvf_array_view(dvf_array *base, int ndim, const int64_t *shape, const int64_t *strides,
                          int64_t offset_elements) {
    dvf_array *a = dvf_array_new(ndim);
    if (a == NULL) return NULL;
    set_dtype(a, base->device, base->dtype);
    memcpy(a->view.shape, shape, (size_t)ndim * sizeof(int64_t));
    memcpy(a->view.strides, strides, (size_t)ndim * sizeof(int64_t));
    a->view.data = base->view.data;
    a->view.byte_offset = base->view.byte_offset +
                          (uint64_t)(offset_elements * (int64_t)dvf_dtypes[base->dtype].itemsize);
    a->buffer = base->buffer;
    if (a->buffer != NULL) dvf_retain(a->buffer);
    dvf_array_update_contiguous(a);
    return a;
}

dvf_array *dvf_array_alias(dvf_array *base) {
    dvf_array *a = dvf_array_view(base, base->view.ndim, base->view.shape, base->view.strides, 0);
    if (a == NULL) return NULL;
    a->tracer = Py_XNewRef(base->tracer);
    a->weak = base->weak;
    return a;
}

int dvf_array_check(const dvf_array *a) {
    if (a->buffer == NULL || !(a->buffer->donated | a->buffer->lost)) return 0;
    if (a->buffer->lost) {
        PyErr_Format(dvf_DeviceError,
                     "the values of this array on %U were never computed: a call before failed, or "
                     "its own, as was raised when it was found; compute the array again",
                     a->device->name);
        return -1;
    }
    PyErr_SetString(dvf_DonatedError,
                    "this array's memory was donated to a compiled function and is gone; use the "
                    "function's result instead, or do not list the argument in donate=");
    return -1;
}

/* ---- attributes -------------------------------------------------------------------------------- */

static PyObject *array_shape(PyObject *self, void *closure) {
    (void)closure;
    dvf_array *a = (dvf_array *)self;
    PyObject *shape = PyTuple_New(a->view.ndim);
    if (shape == NULL) return NULL;
    for (int i = 0; i < a->view.ndim; i++) {
        PyObject *extent = PyLong_FromLongLong(a->view.shape[i]);
        if (extent == NULL) {
            Py_DECREF(shape);
            return NULL;
        }
        PyTuple_SET_ITEM(shape, i, extent);
    }
    return shape;
}

static PyObject *array_strides(PyObject *self, void *closure) {
    (void)closure;
    dvf_array *a = (dvf_array *)self;
    PyObject *strides = PyTuple_New(a->view.ndim);
    if (strides == NULL) return NULL;
    for (int i = 0; i < a->view.ndim; i++) {
        PyObject *stride = PyLong_FromLongLong(a->view.strides[i]);
        if (stride == NULL) {
            Py_DECREF(strides);
            return NULL;
        }
        PyTuple_SET_ITEM(strides, i, stride);
    }
    return strides;
}

static PyObject *array_dtype(PyObject *self, void *closure) {
    (void)closure;
    return Py_NewRef(dvf_dtypes[((dvf_array *)self)->dtype].object);
}

static PyObject *array_device(PyObject *self, void *closure) {
    (void)closure;
    return Py_NewRef((PyObject *)((dvf_array *)self)->device);
}

static PyObject *array_ndim(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromLong(((dvf_array *)self)->view.ndim);
}

static PyObject *array_size(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromLongLong(dvf_array_size((dvf_array *)self));
}

static PyObject *array_nbytes(PyObject *self, void *closure) {
    (void)closure;
    dvf_array *a = (dvf_array *)self;
    return PyLong_FromLongLong(dvf_array_size(a) * dvf_dtypes[a->dtype].itemsize);
}

static PyObject *array_tracer(PyObject *self, void *closure) {
    (void)closure;
    PyObject *tracer = ((dvf_array *)self)->tracer;
    return Py_NewRef(tracer != NULL ? tracer : Py_None);
}

static PyObject *array_weak(PyObject *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(((dvf_array *)self)->weak);
}

static PyObject *array_contiguous(PyObject *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(((dvf_array *)self)->contiguous);
}

static PyObject *array_address(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(dvf_array_data((dvf_array *)self));
}

static PyObject *array_gone(PyObject *self, void *closure) {
    (void)closure;
    const dvf_buffer *b = ((dvf_array *)self)->buffer;
    const char *why = b == NULL || !(b->donated | b->lost) ? ""
                      : b->lost                            ? "never computed"
                                                           : "donated";
    return PyUnicode_FromString(why);
}

static PyGetSetDef array_getset[] = {
    {"shape", array_shape, NULL, "Extents, a tuple of int.", NULL},
    {"dtype", array_dtype, NULL, "Element type.", NULL},
    {"device", array_device, NULL, "Where it lies.", NULL},
    {"ndim", array_ndim, NULL, "Number of axes.", NULL},
    {"size", array_size, NULL, "Number of elements.", NULL},
    {"nbytes", array_nbytes, NULL, "Bytes of its elements.", NULL},
    {"_strides", array_strides, NULL, "Strides in elements.", NULL},
    {"_contiguous", array_contiguous, NULL, "Whether it is row-major without gaps.", NULL},
    {"_address", array_address, NULL, "Address of the first element.", NULL},
    {"_tracer", array_tracer, NULL, "The graph value of a traced array, or None.", NULL},
    {"_weak", array_weak, NULL, "Whether it was traced from a Python scalar.", NULL},
    {"_gone", array_gone, NULL, "Why its values are gone; empty where they are there.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

/* ---- protocols answered by Python functions (array.py sets them) ------------------------------- */

static PyObject *hook_of(const char *name) {
    PyObject *hook = dvf_array_operators ? PyDict_GetItemString(dvf_array_operators, name) : NULL;
    if (hook == NULL) PyErr_Format(PyExc_RuntimeError, "dovetail.array has not set %s yet", name);
    return hook;
}

static PyObject *array_repr(PyObject *self) {
    PyObject *hook = hook_of("repr");
    return hook ? PyObject_CallOneArg(hook, self) : NULL;
}

static PyObject *array_iter(PyObject *self) {
    PyObject *hook = hook_of("iter");
    return hook ? PyObject_CallOneArg(hook, self) : NULL;
}

static PyObject *array_getitem(PyObject *self, PyObject *index) {
    PyObject *hook = hook_of("getitem");
    return hook ? PyObject_CallFunctionObjArgs(hook, self, index, NULL) : NULL;
}

/* Take over everything `other` is: x[i] = v and x += v rebind x to a new value. */
static int array_rebind(dvf_array *self, dvf_array *other) {
    dvf_array *old = dvf_array_alias(self);
    if (old == NULL) return -1;
    dvf_array *fresh = dvf_array_alias(other);
    if (fresh == NULL) {
        Py_DECREF(old);
        return -1;
    }
    dvf_tape_replace(self, old);
    dvf_tape_replace(other, fresh);
    Py_DECREF(old);
    dvf_array *keep = fresh; /* swap contents: what `fresh` holds afterwards is freed with it */
    dvf_buffer *buffer = self->buffer;
    PyObject *tracer = self->tracer;
    int ndim = self->view.ndim;
    int64_t *heap = ndim > DVF_INLINE_NDIM ? self->view.shape : NULL;
    self->buffer = keep->buffer;
    self->tracer = keep->tracer;
    self->device = keep->device;
    self->dtype = keep->dtype;
    self->contiguous = keep->contiguous;
    self->weak = keep->weak;
    memcpy(self->dims, keep->dims, sizeof self->dims);
    self->view = keep->view;
    if (self->view.ndim <= DVF_INLINE_NDIM) {
        self->view.shape = self->dims;
        self->view.strides = self->dims + DVF_INLINE_NDIM;
    }
    keep->buffer = buffer;
    keep->tracer = tracer;
    keep->view.ndim = heap != NULL ? ndim : 0;
    keep->view.shape = heap != NULL ? heap : keep->dims;
    dvf_tape_replace(keep, self);
    Py_DECREF(keep);
    return 0;
}

static int array_setitem(PyObject *self, PyObject *index, PyObject *value) {
    if (value == NULL) {
        PyErr_SetString(PyExc_TypeError, "elements of an Array cannot be deleted");
        return -1;
    }
    PyObject *hook = hook_of("setitem");
    PyObject *fresh = hook ? PyObject_CallFunctionObjArgs(hook, self, index, value, NULL) : NULL;
    if (fresh == NULL) return -1;
    if (!dvf_is_array(fresh)) {
        PyErr_SetString(PyExc_TypeError, "setitem must give an Array");
        Py_DECREF(fresh);
        return -1;
    }
    int result = array_rebind((dvf_array *)self, (dvf_array *)fresh);
    Py_DECREF(fresh);
    return result;
}

static Py_ssize_t array_length(PyObject *self) {
    dvf_array *a = (dvf_array *)self;
    if (a->view.ndim == 0) {
        PyErr_SetString(PyExc_TypeError, "a 0-d Array has no len(); .item() gives its value");
        return -1;
    }
    return (Py_ssize_t)a->view.shape[0];
}

static PyMethodDef array_methods[] = {
    {"item", dvf_array_item, METH_NOARGS, "The value of a one-element array as a Python scalar."},
    {"__complex__", dvf_array_complex, METH_NOARGS, "The value as a Python complex."},
    {"__dlpack__", (PyCFunction)(void (*)(void))dvf_array_dlpack, METH_VARARGS | METH_KEYWORDS,
     "A DLPack capsule of this array's memory, without a copy."},
    {"__dlpack_device__", dvf_array_dlpack_device, METH_NOARGS, "DLPack's (type, id)."},
    {NULL, NULL, 0, NULL}};

static PyMemberDef array_members[] = {
    {"__weaklistoffset__", T_PYSSIZET, offsetof(dvf_array, weakrefs), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static Py_hash_t array_hash(PyObject *self) {
    return _Py_HashPointer(self);
}

static PyType_Slot array_slots[] = {{Py_tp_dealloc, DVF_FN(array_dealloc)},
                                    {Py_tp_repr, DVF_FN(array_repr)},
                                    {Py_tp_hash, DVF_FN(array_hash)},
                                    {Py_tp_iter, DVF_FN(array_iter)},
                                    {Py_tp_getset, array_getset},
                                    {Py_tp_methods, array_methods},
                                    {Py_tp_members, array_members},
                                    {Py_tp_richcompare, DVF_FN(dvf_array_richcompare)},
                                    {Py_mp_subscript, DVF_FN(array_getitem)},
                                    {Py_mp_ass_subscript, DVF_FN(array_setitem)},
                                    {Py_mp_length, DVF_FN(array_length)},
                                    {Py_bf_getbuffer, DVF_FN(dvf_array_getbuffer)},
                                    {Py_bf_releasebuffer, DVF_FN(dvf_array_releasebuffer)},
                                    DVF_ARRAY_NUMBER_SLOTS,
                                    {Py_tp_doc, "An n-dimensional array on a device."},
                                    {0, NULL}};

static PyType_Spec array_spec = {"dovetail.Array", sizeof(dvf_array), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 array_slots};

int dvf_array_init(PyObject *module) {
    dvf_array_type = (PyTypeObject *)PyType_FromSpec(&array_spec);
    if (dvf_array_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "Array", (PyObject *)dvf_array_type);
}
