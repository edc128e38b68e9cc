/* The end: every device closed, every plugin shut down, in reverse order of their opening and loading,
 * while the interpreter still runs. What outlives that (arrays, kernels, plans in some global) gives
 * nothing back to its device any more, and using it is an error in words. A forked child closes nothing
 * that its parent opened. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "stream.h"

typedef struct entry {
    struct entry *before;
    dvf_device *device; /* strong: arrays hold devices without counting */
    dvf_plugin *plugin; /* one that is to be shut down, or null */
    long process;
} entry;

static entry *last_device, *last_plugin;
static bool closed; /* nothing is opened any more */

static int push(entry **list, dvf_device *device, dvf_plugin *plugin) {
    entry *e = calloc(1, sizeof *e);
    if (e == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    e->device = (dvf_device *)Py_XNewRef((PyObject *)device);
    e->plugin = plugin;
    e->process = (long)getpid();
    e->before = *list;
    *list = e;
    return 0;
}

int dvf_close_later(dvf_device *d) {
    d->opened_by = (long)getpid();
    return push(&last_device, d, NULL);
}

int dvf_shut_down_later(dvf_plugin *plugin) {
    return push(&last_plugin, NULL, plugin);
}

int dvf_refuse_when_closed(void) {
    if (!closed) return 0;
    PyErr_SetString(dvf_DeviceError,
                    "the interpreter has begun to exit, and every device was closed; open devices "
                    "before that");
    return -1;
}

/* Whether the calls that other threads are in came to an end within some seconds. */
static bool calls_end(const dvf_device *d) {
    const struct timespec moment = {.tv_nsec = 1000000};
    for (int i = 0; d->in_flight > 0 && i < 5000; i++) {
        Py_BEGIN_ALLOW_THREADS;
        nanosleep(&moment, NULL);
        Py_END_ALLOW_THREADS;
    }
    return d->in_flight == 0;
}

/* Close one device; false when a call that does not end keeps it open. */
static bool close_device(dvf_device *d) {
    if (!dvf_alive(d)) return true; /* lost: its handle is dead already */
    d->state = DVF_CLOSING;         /* from here on a use is refused, and giving back is not */
    d->guarded = true;
    if (!calls_end(d)) return false;
    dvf_failure failure;
    bool well;
    Py_BEGIN_ALLOW_THREADS;
    well = dvf_wait(d, &failure);
    Py_END_ALLOW_THREADS;
    if (!well) {
        /* Nobody asked for the results, but that something failed is not kept from the user. */
        dvf_raise_failure(&failure, "the end of the process", "stream_sync");
        PyErr_WriteUnraisable((PyObject *)d);
        if (!dvf_alive(d)) return true;
    }
    dvf_trim(d);
    dvf_stream_close(d);
    if (d->plugin->has_device && d->plugin->device.device_close != NULL)
        d->plugin->device.device_close(d->handle);
    d->state = DVF_CLOSED;
    return true;
}

/* close_devices(): for atexit. */
static PyObject *py_close_devices(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    long process = (long)getpid();
    closed = true;
    for (entry *e = last_device; e != NULL; e = e->before) {
        if (e->process != process) continue;
        if (close_device(e->device)) continue;
        for (entry *p = last_plugin; p != NULL; p = p->before)
            if (p->plugin == e->device->plugin) p->plugin = NULL;
    }
    for (entry *p = last_plugin; p != NULL; p = p->before)
        if (p->process == process && p->plugin != NULL && p->plugin->table.shutdown != NULL)
            p->plugin->table.shutdown();
    Py_RETURN_NONE;
}

/* after_fork(device) -> whether the child can use it. */
static PyObject *py_after_fork(PyObject *self, PyObject *object) {
    (void)self;
    if (!PyObject_TypeCheck(object, dvf_device_type)) {
        PyErr_SetString(PyExc_TypeError, "after_fork needs a device");
        return NULL;
    }
    dvf_device *d = (dvf_device *)object;
    d->in_flight = 0; /* the threads that made those calls are not here */
    if (!d->plugin->has_device || d->state != DVF_OPEN)
        return PyBool_FromLong(d->state == DVF_OPEN);
    bool follows = d->plugin->device.after_fork_child != NULL;
    if (follows) d->plugin->device.after_fork_child(d->handle);
    if (!follows || dvf_stream_after_fork(d) < 0) {
        d->state = DVF_FORKED;
        d->guarded = true;
    }
    return PyBool_FromLong(d->state == DVF_OPEN);
}

static PyMethodDef functions[] = {
    {"close_devices", py_close_devices, METH_NOARGS,
     "Close every device that this process opened."},
    {"after_fork", py_after_fork, METH_O, "In a child: whether it can use the device."},
    {NULL, NULL, 0, NULL}};

int dvf_closing_init(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
