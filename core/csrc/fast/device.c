/* Device: an opened device of a normalised plugin, with its memory caches. Never closed before
 * exit, so that arrays may hold it without counting. */
#include "answers.h"
#include "closing.h"
#include "fast.h"
#include "stream.h"

#include <structmember.h>

#include <stddef.h>
#include <string.h>

PyTypeObject *dvf_device_type;

const char *dvf_state_text(const dvf_device *d) {
    switch (d->state) {
    case DVF_LOST:
        return "was lost: it reported that the device is gone, and with it every array on it; "
               "start a new process to use it again";
    case DVF_FORKED:
        return "was opened before this process was forked and cannot be used in the child; "
               "start processes with multiprocessing's spawn or forkserver method";
    case DVF_CLOSED:
        return "was closed when the interpreter began to exit; finish work on it before that, "
               "and join the threads that do it";
    default:
        return "is open";
    }
}

int dvf_usable(dvf_device *d) {
    if (d->state == DVF_OPEN) return 0;
    PyErr_Format(dvf_DeviceError, "%U %s", d->name, dvf_state_text(d));
    return -1;
}

static PyObject *device_repr(PyObject *self) {
    return PyUnicode_FromFormat("<device %U>", ((dvf_device *)self)->name);
}

static PyObject *device_str(PyObject *self) {
    return Py_NewRef(((dvf_device *)self)->name);
}

static PyObject *device_plugin(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(&((dvf_device *)self)->plugin->table);
}

static PyObject *device_handle(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(((dvf_device *)self)->handle);
}

static PyObject *device_has_graph(PyObject *self, void *closure) {
    (void)closure;
    return PyBool_FromLong(((dvf_device *)self)->plugin->has_graph);
}

/* Wait for the device's stream, and for whatever else runs on it. */
static PyObject *device_sync(PyObject *self, PyObject *unused) {
    (void)unused;
    dvf_device *d = (dvf_device *)self;
    if (dvf_settle(d, "sync") < 0) return NULL;
    if (!d->plugin->has_device || d->plugin->device.device_sync == NULL) Py_RETURN_NONE;
    dvf_failure failure = {.device = d};
    dvf_error_clear(&failure.error);
    DVF_BEGIN_CALL(d);
    failure.status = d->plugin->device.device_sync(d->handle, &failure.error);
    DVF_END_CALL;
    if (failure.status < 0) {
        failure.late = failure.error.tag != 0 && d->queue != NULL;
        failure.waiting = d;
        dvf_raise_failure(&failure, "sync", "device_sync");
        return NULL;
    }
    Py_RETURN_NONE;
}

static PyObject *device_check(PyObject *self, PyObject *unused) {
    (void)unused;
    if (dvf_usable((dvf_device *)self) < 0) return NULL;
    Py_RETURN_NONE;
}

static PyMemberDef device_members[] = {
    {"name", T_OBJECT, offsetof(dvf_device, name), READONLY, "\"cpu:0\""},
    {"rows", T_OBJECT, offsetof(dvf_device, rows), 0, "kernel rows by op, kept by devices.py"},
    {"host_visible", T_BOOL, offsetof(dvf_device, host_visible), READONLY,
     "whether its arrays lie in host memory"},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef device_getset[] = {
    {"plugin_address", device_plugin, NULL, "address of the normalised dvt_plugin", NULL},
    {"handle", device_handle, NULL, "address of the dvt_device, 0 without a device table", NULL},
    {"has_graph", device_has_graph, NULL, "whether the plugin has a graph table", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef device_methods[] = {
    {"check", device_check, METH_NOARGS, "A DeviceError when it can be used no more."},
    {"sync", device_sync, METH_NOARGS, "Wait for all work of the device."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot device_slots[] = {
    {Py_tp_repr, DVF_FN(device_repr)},
    {Py_tp_str, DVF_FN(device_str)},
    {Py_tp_members, device_members},
    {Py_tp_getset, device_getset},
    {Py_tp_methods, device_methods},
    {Py_tp_doc, "An opened device; dovetail.device(name) finds it."},
    {0, NULL}};

static PyType_Spec device_spec = {"dovetail._fast.Device", sizeof(dvf_device), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  device_slots};

int dvf_device_init(PyObject *module) {
    dvf_device_type = (PyTypeObject *)PyType_FromSpec(&device_spec);
    if (dvf_device_type == NULL) return -1;
    if (PyModule_AddObjectRef(module, "Device", (PyObject *)dvf_device_type) < 0) return -1;
    return dvf_closing_init(module);
}

static dvf_plugin *plugin_of(PyObject *capsule) {
    return PyCapsule_GetPointer(capsule, "dovetail.plugin");
}

#define MOST_DEVICES 65536u

/* device_count(capsule) -> (count, reason) */
PyObject *dvf_py_device_count(PyObject *self, PyObject *capsule) {
    (void)self;
    dvf_plugin *plugin = plugin_of(capsule);
    if (plugin == NULL || dvf_refuse_when_closed() < 0) return NULL;
    uint32_t count = 1;
    dvt_error error;
    dvf_error_clear(&error);
    if (plugin->has_device && plugin->device.device_count != NULL) {
        dvt_status status;
        count = 0;
        Py_BEGIN_ALLOW_THREADS;
        status = plugin->device.device_count(plugin->host, &count, &error);
        Py_END_ALLOW_THREADS;
        if (status == DVT_UNSUPPORTED) count = 0;
        if (status != DVT_OK && status != DVT_UNSUPPORTED)
            return dvf_raise_slot(status, &error, plugin->table.name, "counting", "device_count");
        if (count > MOST_DEVICES) {
            dvf_broken("counting", plugin->table.name, "device_count",
                       "it says that there are %u devices, more than any machine has", count);
            return NULL;
        }
    }
    return Py_BuildValue("(IN)", count, dvf_plugin_text(dvf_error_text(&error), ""));
}

static int read_space(dvf_device *d, const char *name) {
    dvt_device_info info;
    dvt_error error;
    memset(&info, 0, sizeof info);
    info.struct_size = (uint32_t)sizeof info;
    dvf_error_clear(&error);
    dvt_status status = d->plugin->device.device_info(d->handle, &info, &error);
    if (status != DVT_OK) {
        dvf_raise_slot(status, &error, name, "opening", "device_info");
        return -1;
    }
    dvt_memory_space space;
    if (dvf_check_device_info(&info, name, &space) < 0) return -1;
    if (info.n_spaces == 0) return 0; /* one host space */
    d->place = space.place;
    if (space.alignment != 0) d->alignment = space.alignment;
    bool addressable = (space.flags & DVT_SPACE_HOST_VISIBLE) != 0;
    d->host_memory = addressable && (space.flags & DVT_SPACE_COHERENT) != 0;
    d->host_visible = d->host_memory;
    d->pooled = (space.flags & DVT_SPACE_POOLED) != 0;
    d->opaque = !d->host_visible && (space.flags & DVT_SPACE_OPAQUE) != 0;
    const dvt_device_api *api = &d->plugin->device;
    bool copies = api->copy != NULL || (addressable && api->map != NULL && api->unmap != NULL);
    if (!d->host_memory && (api->alloc == NULL || api->release == NULL || !copies)) {
        PyErr_Format(dvf_PluginError,
                     "%s: the host cannot share its memory, so its device table must offer alloc, "
                     "release and either copy or, where its space is host-visible, map and unmap; "
                     "ask its vendor for a version that does",
                     name);
        return -1;
    }
    return 0;
}

/* What was opened goes back; null, with the exception that is set. */
static PyObject *not_opened(dvf_device *d) {
    dvf_stream_close(d);
    if (d->handle != NULL && d->plugin->device.device_close != NULL)
        d->plugin->device.device_close(d->handle);
    Py_DECREF(d);
    return NULL;
}

/* open_device(capsule, ordinal, name) -> Device */
PyObject *dvf_py_open_device(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule, *name;
    unsigned int ordinal;
    if (!PyArg_ParseTuple(args, "OIU", &capsule, &ordinal, &name)) return NULL;
    dvf_plugin *plugin = plugin_of(capsule);
    if (plugin == NULL || dvf_refuse_when_closed() < 0) return NULL;
    dvf_device *d = PyObject_New(dvf_device, dvf_device_type);
    if (d == NULL) return NULL;
    memset((char *)d + sizeof(PyObject), 0, sizeof *d - sizeof(PyObject));
    d->plugin = plugin;
    d->name = Py_NewRef(name);
    d->rows = Py_NewRef(Py_None);
    d->place.type = DVT_PLACE_CPU;
    d->alignment = 64;
    d->host_memory = d->host_visible = true;
    const char *text = PyUnicode_AsUTF8(name);
    if (plugin->has_device) {
        dvt_device_desc desc = {
            .struct_size = (uint32_t)sizeof desc, .ordinal = ordinal, .host = plugin->host};
        dvt_error error;
        dvt_status status;
        dvf_error_clear(&error);
        Py_BEGIN_ALLOW_THREADS;
        status = plugin->device.device_open(&desc, &d->handle, &error);
        Py_END_ALLOW_THREADS;
        if (status != DVT_OK) {
            dvf_raise_slot(status, &error, text, "opening", "device_open");
            Py_DECREF(d);
            return NULL;
        }
        if (d->handle == NULL) {
            dvf_broken("opening", text, "device_open", "it returned DVT_OK and no device");
            Py_DECREF(d);
            return NULL;
        }
        if (read_space(d, text) < 0 || dvf_stream_open(d) < 0) return not_opened(d);
        /* Memory that a device writes later is no memory to share with those that read it now. */
        if (d->queue != NULL) d->host_visible = false;
    }
    if (dvf_close_later(d) < 0) return not_opened(d);
    return (PyObject *)d;
}

/* memory_stats(device) -> dict of byte and call counts */
PyObject *dvf_py_memory_stats(PyObject *self, PyObject *object) {
    (void)self;
    if (!PyObject_TypeCheck(object, dvf_device_type)) {
        PyErr_SetString(PyExc_TypeError, "memory_stats needs a device");
        return NULL;
    }
    dvf_device *d = (dvf_device *)object;
    return Py_BuildValue("{s:K,s:K,s:K,s:K,s:K}", "live_bytes", (unsigned long long)d->live_bytes,
                         "cached_bytes", (unsigned long long)d->cached_bytes, "peak_bytes",
                         (unsigned long long)d->peak_bytes, "allocations",
                         (unsigned long long)d->allocations, "system_allocations",
                         (unsigned long long)d->system_allocations);
}

/* memory_reset_peak(device): the peak is what is live now */
PyObject *dvf_py_memory_reset_peak(PyObject *self, PyObject *object) {
    (void)self;
    if (!PyObject_TypeCheck(object, dvf_device_type)) {
        PyErr_SetString(PyExc_TypeError, "memory_reset_peak needs a device");
        return NULL;
    }
    dvf_device *d = (dvf_device *)object;
    d->peak_bytes = d->live_bytes;
    Py_RETURN_NONE;
}

/* memory_trim(device): give cached memory back to the device */
PyObject *dvf_py_memory_trim(PyObject *self, PyObject *object) {
    (void)self;
    if (!PyObject_TypeCheck(object, dvf_device_type)) {
        PyErr_SetString(PyExc_TypeError, "memory_trim needs a device");
        return NULL;
    }
    dvf_trim((dvf_device *)object);
    Py_RETURN_NONE;
}
