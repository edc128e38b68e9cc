/* DLPack in and out: capsules over the same memory, in both of its versions. */
#include <stdlib.h>
#include <string.h>

#include "fast.h"

typedef struct managed {
    dvt_tensor tensor;
    void *manager_context;
    void (*deleter)(struct managed *);
} managed; /* DLPack's DLManagedTensor */

typedef struct managed_versioned {
    uint32_t major, minor;
    void *manager_context;
    void (*deleter)(struct managed_versioned *);
    uint64_t flags;
    dvt_tensor tensor;
} managed_versioned; /* DLPack's DLManagedTensorVersioned */

#define DLPACK_READ_ONLY 1u

static void drop(void *context) {
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF((PyObject *)context);
    PyGILState_Release(state);
}

static void managed_delete(managed *m) {
    drop(m->manager_context);
    free(m);
}

static void managed_versioned_delete(managed_versioned *m) {
    drop(m->manager_context);
    free(m);
}

static void capsule_delete(PyObject *capsule) {
    if (PyCapsule_IsValid(capsule, "dltensor")) {
        managed *m = PyCapsule_GetPointer(capsule, "dltensor");
        m->deleter(m);
    } else if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        managed_versioned *m = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        m->deleter(m);
    }
}

PyObject *dvf_array_dlpack_device(PyObject *self, PyObject *unused) {
    (void)unused;
    dvt_place place = ((dvf_array *)self)->view.place;
    return Py_BuildValue("(ii)", place.type, place.id);
}

PyObject *dvf_array_dlpack(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"stream", "max_version", "dl_device", "copy", NULL};
    PyObject *stream = Py_None, *max_version = Py_None, *dl_device = Py_None, *copy = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO", names, &stream, &max_version,
                                     &dl_device, &copy))
        return NULL;
    dvf_array *a = (dvf_array *)self;
    if (dvf_array_check(a) < 0) return NULL;
    if (a->tracer != NULL) {
        PyErr_SetString(PyExc_BufferError, "a traced array has no memory; export outside jit");
        return NULL;
    }
    if (dl_device != Py_None) {
        int type, id;
        if (!PyArg_ParseTuple(dl_device, "ii", &type, &id)) return NULL;
        if (type != a->view.place.type || id != a->view.place.id) {
            PyErr_Format(PyExc_BufferError, "this array lies on %U; move it with to_device first",
                         a->device->name);
            return NULL;
        }
    }
    dvf_array *held = copy == Py_True ? NULL : dvf_array_alias(a);
    if (copy == Py_True) {
        PyObject *function = PyDict_GetItemString(dvf_array_operators, "copy");
        held = function ? (dvf_array *)PyObject_CallOneArg(function, self) : NULL;
    }
    if (held == NULL) return NULL;
    long major = 0;
    if (max_version != Py_None) {
        PyObject *first = PySequence_GetItem(max_version, 0);
        major = first ? PyLong_AsLong(first) : -1;
        Py_XDECREF(first);
        if (major == -1 && PyErr_Occurred()) {
            Py_DECREF(held);
            return NULL;
        }
    }
    void *memory = calloc(1, major >= 1 ? sizeof(managed_versioned) : sizeof(managed));
    if (memory == NULL) {
        Py_DECREF(held);
        return PyErr_NoMemory();
    }
    if (major >= 1) {
        managed_versioned *m = memory;
        m->major = 1;
        m->flags = copy == Py_True ? 0 : DLPACK_READ_ONLY;
        m->manager_context = held;
        m->deleter = managed_versioned_delete;
        m->tensor = held->view;
        return PyCapsule_New(m, "dltensor_versioned", capsule_delete);
    }
    managed *m = memory;
    m->manager_context = held;
    m->deleter = managed_delete;
    m->tensor = held->view;
    return PyCapsule_New(m, "dltensor", capsule_delete);
}

static void owner_delete(PyObject *capsule) {
    const char *name = PyCapsule_GetName(capsule);
    void *pointer = PyCapsule_GetPointer(capsule, name);
    if (strcmp(name, "used_dltensor_versioned") == 0) {
        managed_versioned *m = pointer;
        if (m->deleter != NULL) m->deleter(m);
    } else {
        managed *m = pointer;
        if (m->deleter != NULL) m->deleter(m);
    }
}

/* from_dlpack(capsule, device) -> Array over the producer's memory, or a copy when it is misaligned. */
PyObject *dvf_py_from_dlpack(PyObject *self, PyObject *args) {
    PyObject *capsule, *device;
    if (!PyArg_ParseTuple(args, "OO!", &capsule, dvf_device_type, &device)) return NULL;
    bool versioned = PyCapsule_IsValid(capsule, "dltensor_versioned");
    void *pointer = PyCapsule_GetPointer(capsule, versioned ? "dltensor_versioned" : "dltensor");
    if (pointer == NULL) return NULL;
    const dvt_tensor *t =
        versioned ? &((managed_versioned *)pointer)->tensor : &((managed *)pointer)->tensor;
    dvf_device *d = (dvf_device *)device;
    int index = dvf_dtype_from_abi(t->dtype);
    if (versioned && ((managed_versioned *)pointer)->major > 1) {
        PyErr_SetString(PyExc_BufferError, "the producer speaks a DLPack major newer than 1");
        return NULL;
    }
    if (index < 0 || t->ndim > DVF_MAX_NDIM) {
        PyErr_Format(PyExc_BufferError,
                     "the DLPack type (code %d, %d bits, %d lanes, %d axes) has no Dovetail dtype",
                     t->dtype.code, t->dtype.bits, t->dtype.lanes, t->ndim);
        return NULL;
    }
    if (t->place.type != d->place.type) {
        PyErr_Format(PyExc_BufferError,
                     "the producer's memory is on DLPack device (%d, %d), which is not %U",
                     t->place.type, t->place.id, d->name);
        return NULL;
    }
    /* Take the tensor over: the capsule is renamed, so its own destructor lets go of it. */
    PyObject *owner = PyCapsule_New(
        pointer, versioned ? "used_dltensor_versioned" : "used_dltensor", owner_delete);
    if (owner == NULL) return NULL;
    PyCapsule_SetName(capsule, versioned ? "used_dltensor_versioned" : "used_dltensor");
    PyCapsule_SetDestructor(capsule, NULL);
    dvf_buffer *buffer = dvf_adopt_memory(d, t->data, 0, owner);
    Py_DECREF(owner);
    dvf_array *a = buffer ? dvf_array_from_buffer(buffer, d, index, t->ndim, t->shape) : NULL;
    if (a == NULL) return NULL;
    a->view.byte_offset = t->byte_offset;
    if (t->strides != NULL) {
        memcpy(a->view.strides, t->strides, (size_t)t->ndim * sizeof(int64_t));
        dvf_array_update_contiguous(a);
    }
    if ((uintptr_t)dvf_array_data(a) % dvf_dtypes[index].itemsize != 0 && dvf_array_size(a) > 0) {
        PyErr_SetString(PyExc_BufferError,
                        "the producer's memory is not aligned to its element type; copy it first");
        Py_DECREF(a);
        return NULL;
    }
    (void)self;
    return (PyObject *)a;
}
