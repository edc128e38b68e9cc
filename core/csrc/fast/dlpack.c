/* DLPack in and out by the Python protocol: capsules over the same memory, in both of their forms. */
#include "dlpack.h"

#include <stdlib.h>
#include <string.h>

#include "stream.h"

/* ---- out ----------------------------------------------------------------------------------------- */

static void drop(void *context) {
    if (!Py_IsInitialized()) return; /* a consumer in C++ may outlive the interpreter */
    PyGILState_STATE state = PyGILState_Ensure();
    Py_DECREF((PyObject *)context);
    PyGILState_Release(state);
}

static void managed_delete(dvf_managed *m) {
    drop(m->context);
    free(m);
}

static void managed_versioned_delete(dvf_managed_versioned *m) {
    drop(m->context);
    free(m);
}

static void capsule_delete(PyObject *capsule) {
    if (PyCapsule_IsValid(capsule, "dltensor")) {
        dvf_managed *m = PyCapsule_GetPointer(capsule, "dltensor");
        m->deleter(m);
    } else if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        dvf_managed_versioned *m = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        m->deleter(m);
    }
}

int dvf_dlpack_describe(dvf_array *a, dvt_tensor *out) {
    if (dvf_array_check(a) < 0) return -1;
    if (a->tracer != NULL) {
        PyErr_SetString(PyExc_BufferError, "a traced array has no memory; export outside jit");
        return -1;
    }
    if (a->device->queue != NULL && dvf_settle(a->device, "an export") < 0) return -1;
    *out = a->view;
    if (dvf_array_size(a) == 0) {
        out->data = NULL;
        out->byte_offset = 0;
    } else if (a->device->host_visible) { /* there are consumers that forget the offset */
        out->data = dvf_array_data(a);
        out->byte_offset = 0;
    }
    return 0;
}

dvf_managed_versioned *dvf_dlpack_manage(dvf_array *a, uint64_t flags) {
    /* x[i] = v rebinds the user's object, so what is kept is another one. */
    dvf_array *held = dvf_array_alias(a);
    dvf_managed_versioned *m = held != NULL ? calloc(1, sizeof *m) : NULL;
    if (m == NULL || dvf_dlpack_describe(held, &m->tensor) < 0) {
        if (held != NULL && m == NULL) PyErr_NoMemory();
        Py_XDECREF(held);
        free(m);
        return NULL;
    }
    m->major = DVF_DLPACK_MAJOR;
    m->minor = DVF_DLPACK_MINOR;
    m->flags = flags;
    m->context = held;
    m->deleter = managed_versioned_delete;
    return m;
}

static PyObject *legacy_capsule(dvf_array *a) {
    dvf_managed_versioned *v = dvf_dlpack_manage(a, 0);
    dvf_managed *m = v != NULL ? calloc(1, sizeof *m) : NULL;
    if (m == NULL) {
        if (v != NULL) managed_versioned_delete(v);
        return v != NULL ? PyErr_NoMemory() : NULL;
    }
    m->tensor = v->tensor; /* its extents lie in the array that both keep */
    m->context = v->context;
    m->deleter = managed_delete;
    free(v);
    PyObject *capsule = PyCapsule_New(m, "dltensor", capsule_delete);
    if (capsule == NULL) managed_delete(m);
    return capsule;
}

static PyObject *versioned_capsule(dvf_array *a, uint64_t flags, long minor) {
    dvf_managed_versioned *m = dvf_dlpack_manage(a, flags);
    if (m == NULL) return NULL;
    if (minor >= 0 && minor < (long)DVF_DLPACK_MINOR) m->minor = (uint32_t)minor;
    PyObject *capsule = PyCapsule_New(m, "dltensor_versioned", capsule_delete);
    if (capsule == NULL) managed_versioned_delete(m);
    return capsule;
}

PyObject *dvf_array_dlpack_device(PyObject *self, PyObject *unused) {
    (void)unused;
    dvt_place place = ((dvf_array *)self)->view.place;
    return Py_BuildValue("(ii)", place.type, place.id);
}

/* A pair of integers such as (1, 3); 0, or -1 with TypeError. */
static int pair(PyObject *value, const char *name, long *first, long *second) {
    PyObject *items = PySequence_Check(value) ? PySequence_Tuple(value) : NULL;
    if (items != NULL && PyTuple_GET_SIZE(items) == 2) {
        *first = PyLong_AsLong(PyTuple_GET_ITEM(items, 0));
        *second = PyLong_AsLong(PyTuple_GET_ITEM(items, 1));
    }
    bool right = items != NULL && PyTuple_GET_SIZE(items) == 2 && !PyErr_Occurred();
    Py_XDECREF(items);
    if (right) return 0;
    PyErr_Clear();
    PyErr_Format(PyExc_TypeError, "__dlpack__: %s=%R must be a pair of integers", name, value);
    return -1;
}

/* Streams of the consumer: None, except on devices that have streams. Exports wait for the device,
 * so that any stream sees their values. */
static int check_stream(const dvf_array *a, PyObject *stream) {
    if (stream == Py_None) return 0;
    if (a->view.place.type == DVT_PLACE_CPU) {
        PyErr_Format(PyExc_BufferError, "__dlpack__: the CPU has no streams; leave out stream=%R",
                     stream);
        return -1;
    }
    long number = PyLong_AsLong(stream);
    if (number == -1 && PyErr_Occurred()) return -1;
    if (number == 0 && a->view.place.type == DVT_PLACE_CUDA) {
        PyErr_SetString(PyExc_BufferError, "__dlpack__: stream=0 is ambiguous; 1 is the legacy "
                                           "default stream and 2 the one of each thread");
        return -1;
    }
    return 0;
}

/* The array on the device that was asked for; null when that takes a copy which copy=False forbids. */
static dvf_array *at_place(dvf_array *a, PyObject *dl_device, bool forbidden, bool *moved) {
    long type, id;
    *moved = false;
    if (dl_device == Py_None) return (dvf_array *)Py_NewRef((PyObject *)a);
    if (pair(dl_device, "dl_device", &type, &id) < 0) return NULL;
    if (type == a->view.place.type && id == a->view.place.id)
        return (dvf_array *)Py_NewRef((PyObject *)a);
    if (forbidden) {
        PyErr_Format(PyExc_BufferError,
                     "this array lies on %U and copy=False forbids moving it to DLPack device "
                     "(%ld, %ld)",
                     a->device->name, type, id);
        return NULL;
    }
    dvf_device *there = dvf_dlpack_home((dvt_place){(int32_t)type, (int32_t)id});
    PyObject *transfer = there ? PyDict_GetItemString(dvf_array_operators, "transfer") : NULL;
    if (transfer == NULL) return NULL;
    *moved = true;
    return (dvf_array *)PyObject_CallFunctionObjArgs(transfer, a, there, NULL);
}

PyObject *dvf_array_dlpack(PyObject *self, PyObject *args, PyObject *kwargs) {
    static char *names[] = {"stream", "max_version", "dl_device", "copy", NULL};
    PyObject *stream = Py_None, *max_version = Py_None, *dl_device = Py_None, *copy = Py_None;
    if (!PyArg_ParseTupleAndKeywords(args, kwargs, "|$OOOO", names, &stream, &max_version,
                                     &dl_device, &copy))
        return NULL;
    if (copy != Py_None && !PyBool_Check(copy)) {
        PyErr_Format(PyExc_TypeError, "__dlpack__: copy=%R must be True, False or None", copy);
        return NULL;
    }
    dvf_array *a = (dvf_array *)self;
    long major = 0, minor = 0;
    if (max_version != Py_None && pair(max_version, "max_version", &major, &minor) < 0) return NULL;
    dvt_tensor described; /* refuse what has no memory before anything is copied */
    if (check_stream(a, stream) < 0 || dvf_dlpack_describe(a, &described) < 0) return NULL;
    /* The old form cannot say that memory is read-only, and arrays never change: it gets a copy,
       unless copy=False says that the consumer takes care. */
    bool legacy = major < 1, copied = copy == Py_True || (legacy && copy == Py_None);
    bool moved;
    dvf_array *there = at_place(a, dl_device, copy == Py_False, &moved), *held = there;
    if (there == NULL) return NULL;
    if (copied && !(moved && there->buffer != a->buffer)) {
        PyObject *function = PyDict_GetItemString(dvf_array_operators, "copy");
        held = function ? (dvf_array *)PyObject_CallOneArg(function, (PyObject *)there) : NULL;
        Py_DECREF(there);
        if (held == NULL) return NULL;
    }
    copied = copied || held->buffer != a->buffer;
    PyObject *capsule =
        legacy ? legacy_capsule(held)
               : versioned_capsule(held, copied ? DVF_DLPACK_IS_COPIED : DVF_DLPACK_READ_ONLY,
                                   major > 1 ? -1 : minor);
    Py_DECREF(held);
    return capsule;
}

/* ---- in ------------------------------------------------------------------------------------------ */

dvf_device *dvf_dlpack_home(dvt_place place) {
    PyObject *hook = PyDict_GetItemString(dvf_array_operators, "dlpack_home");
    PyObject *device =
        hook != NULL ? PyObject_CallFunction(hook, "ii", place.type, place.id) : NULL;
    if (device == NULL) return NULL;
    Py_DECREF(device); /* devices.py holds every open one */
    return (dvf_device *)device;
}

static void owner_delete(PyObject *capsule) {
    if (PyCapsule_IsValid(capsule, "used_dltensor_versioned")) {
        dvf_managed_versioned *m = PyCapsule_GetPointer(capsule, "used_dltensor_versioned");
        if (m->deleter != NULL) m->deleter(m);
    } else {
        dvf_managed *m = PyCapsule_GetPointer(capsule, "used_dltensor");
        if (m->deleter != NULL) m->deleter(m);
    }
}

/* Whether an array can lie over this memory. */
static int check_tensor(const dvt_tensor *t, const dvf_device *d) {
    int index = dvf_dtype_from_abi(t->dtype);
    if (index < 0 || t->ndim < 0 || t->ndim > DVF_MAX_NDIM) {
        PyErr_Format(PyExc_BufferError,
                     "the DLPack type (code %d, %d bits, %d lanes, %d axes) has no Dovetail dtype",
                     t->dtype.code, t->dtype.bits, t->dtype.lanes, t->ndim);
        return -1;
    }
    bool host = t->place.type == DVT_PLACE_CPU || t->place.type == DVT_PLACE_CUDA_HOST ||
                t->place.type == DVT_PLACE_ROCM_HOST;
    if (!(host && d->host_visible) &&
        (t->place.type != d->place.type || t->place.id != d->place.id)) {
        PyErr_Format(PyExc_BufferError,
                     "the producer's memory is on DLPack device (%d, %d), which is not %U",
                     t->place.type, t->place.id, d->name);
        return -1;
    }
    uintptr_t unit = dvf_dtypes[index].kind == DVF_KIND_COMPLEX ? dvf_dtypes[index].itemsize / 2
                                                                : dvf_dtypes[index].itemsize;
    bool empty = false;
    for (int i = 0; i < t->ndim; i++) empty = empty || t->shape[i] == 0;
    if (!empty && d->host_visible && ((uintptr_t)t->data + t->byte_offset) % unit != 0) {
        PyErr_SetString(PyExc_BufferError,
                        "the producer's memory is not aligned to its element type; pass copy=True");
        return -1;
    }
    return index;
}

/* The array; the owner's deleter lets go of the memory. */
static PyObject *over(const dvt_tensor *t, int index, dvf_device *d, PyObject *owner) {
    dvf_buffer *buffer = dvf_adopt_memory(d, t->data, 0, owner);
    dvf_array *a = buffer ? dvf_array_from_buffer(buffer, d, index, t->ndim, t->shape) : NULL;
    if (a == NULL) return NULL;
    a->view.byte_offset = t->byte_offset;
    if (t->strides != NULL) {
        memcpy(a->view.strides, t->strides, (size_t)t->ndim * sizeof(int64_t));
        dvf_array_update_contiguous(a);
    }
    return (PyObject *)a;
}

PyObject *dvf_dlpack_adopt(dvf_managed_versioned *m, dvf_device *device) {
    if (m->major != DVF_DLPACK_MAJOR) {
        PyErr_Format(PyExc_BufferError, "the producer speaks DLPack %u, Dovetail %u", m->major,
                     DVF_DLPACK_MAJOR);
        return NULL;
    }
    int index = check_tensor(&m->tensor, device);
    PyObject *owner = index >= 0 ? PyCapsule_New(m, "used_dltensor_versioned", NULL) : NULL;
    PyObject *a = owner != NULL ? over(&m->tensor, index, device, owner) : NULL;
    if (a != NULL) PyCapsule_SetDestructor(owner, owner_delete);
    Py_XDECREF(owner);
    return a;
}

/* from_dlpack(capsule, device) -> (Array over the producer's memory, flags of the capsule). */
PyObject *dvf_py_from_dlpack(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule, *device, *a = NULL;
    if (!PyArg_ParseTuple(args, "OO!", &capsule, dvf_device_type, &device)) return NULL;
    uint64_t flags = 0;
    if (PyCapsule_IsValid(capsule, "dltensor_versioned")) {
        dvf_managed_versioned *m = PyCapsule_GetPointer(capsule, "dltensor_versioned");
        a = dvf_dlpack_adopt(m, (dvf_device *)device);
        if (a == NULL) return NULL;
        flags = m->flags;
        PyCapsule_SetName(capsule, "used_dltensor_versioned");
    } else if (!PyCapsule_IsValid(capsule, "dltensor")) {
        PyErr_Format(PyExc_BufferError,
                     "__dlpack__ gave %R, which is no DLPack capsule or was used before", capsule);
        return NULL;
    } else {
        dvf_managed *m = PyCapsule_GetPointer(capsule, "dltensor");
        int index = check_tensor(&m->tensor, (dvf_device *)device);
        PyObject *owner = index >= 0 ? PyCapsule_New(m, "used_dltensor", NULL) : NULL;
        if (owner != NULL) a = over(&m->tensor, index, (dvf_device *)device, owner);
        if (a != NULL) PyCapsule_SetDestructor(owner, owner_delete);
        Py_XDECREF(owner);
        if (a == NULL) return NULL;
        PyCapsule_SetName(capsule, "used_dltensor");
    }
    /* Taken over: the capsule's own destructor finds nothing to do. */
    PyCapsule_SetDestructor(capsule, NULL);
    return Py_BuildValue("(NK)", a, (unsigned long long)flags);
}
