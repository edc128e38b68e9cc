/* The end. When the interpreter begins to exit, devices with memory of their own are closed in reverse
 * order of their opening, after all that was made on them was given back, and then their plugins are shut
 * down in reverse order of loading. What outlives that in some global (arrays, kernels, plans) gives
 * nothing back any more, and a use is an error in words.
 *
 * Devices whose memory the host shares follow when the interpreter is gone: until then numpy may read
 * what is theirs, and so may functions that run at exit. One whose memory somebody still holds then is
 * left as it is. A forked child closes nothing that its parent opened. */
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "closing.h"
#include "operand.h"
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

/* ---- what plugins made --------------------------------------------------------------------------- */

struct dvf_made {
    dvf_made *newer, *older;
    dvf_device *device;
    dvt_kernel *kernel;
    dvf_destroy_fn destroy;
    dvt_executable *executable;
};

static void destroy(dvf_made *m) {
    if (!dvf_alive(m->device)) return; /* it went with its device */
    if (m->executable != NULL) m->device->plugin->graph.destroy(m->executable);
    if (m->kernel != NULL) m->destroy(m->kernel);
    m->executable = NULL;
    m->kernel = NULL;
}

static dvf_made *make(const dvf_made *like) {
    dvf_made *m = malloc(sizeof *m);
    if (m == NULL) {
        dvf_made lost = *like;
        destroy(&lost);
        PyErr_NoMemory();
        return NULL;
    }
    *m = *like;
    m->older = m->device->made;
    if (m->older != NULL) m->older->newer = m;
    m->device->made = m;
    return m;
}

dvf_made *dvf_made_kernel(dvf_device *d, dvt_kernel *kernel, dvf_destroy_fn function) {
    return make(&(dvf_made){.device = d, .kernel = kernel, .destroy = function});
}

dvf_made *dvf_made_executable(dvf_device *d, dvt_executable *executable) {
    return make(&(dvf_made){.device = d, .executable = executable});
}

void dvf_unmake(dvf_made *m) {
    dvf_wait_silently(m->device); /* enqueued work may still use it */
    destroy(m);
    if (m->newer != NULL) m->newer->older = m->older;
    if (m->older != NULL) m->older->newer = m->newer;
    if (m->device->made == m) m->device->made = m->older;
    free(m);
}

/* ---- closing ------------------------------------------------------------------------------------- */

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

/* Everything back, and the handle with it. */
static void close_handle(dvf_device *d) {
    for (dvf_made *m = d->made; m != NULL; m = m->older) destroy(m);
    dvf_release_all(d);
    dvf_stream_close(d);
    if (d->plugin->has_device && d->plugin->device.device_close != NULL)
        d->plugin->device.device_close(d->handle);
    d->state = DVF_CLOSED;
}

/* The work of a device comes to an end, and events of others that it waited for are let go. */
static void finish(dvf_device *d) {
    if (!calls_end(d)) return;
    dvf_failure failure;
    bool well;
    Py_BEGIN_ALLOW_THREADS;
    well = dvf_wait(d, &failure);
    Py_END_ALLOW_THREADS;
    if (!well) {
        /* Nobody asked for the results, but that something failed is not kept from the user. */
        dvf_raise_failure(&failure, "the end of the process", "stream_sync");
        PyErr_WriteUnraisable((PyObject *)d);
    }
}

static bool closes_now(const entry *e) {
    return e->process == (long)getpid() && dvf_alive(e->device) && !e->device->host_visible;
}

/* Shut down the plugins of which no device is open; each once. */
static void shut_down(void) {
    for (entry *p = last_plugin; p != NULL; p = p->before) {
        bool open = false;
        for (entry *e = last_device; e != NULL; e = e->before)
            open = open || (e->device->plugin == p->plugin && dvf_alive(e->device));
        if (open || p->plugin == NULL || p->process != (long)getpid()) continue;
        if (p->plugin->table.shutdown != NULL) p->plugin->table.shutdown();
        p->plugin = NULL;
    }
}

/* close_devices(): for atexit. Devices of one plugin wait for each other's work, so that none is closed
 * before all have come to rest. */
static PyObject *py_close_devices(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    closed = true;
    dvf_clear_scalars();
    for (entry *e = last_device; e != NULL; e = e->before) {
        if (!closes_now(e)) continue;
        e->device->state = DVF_CLOSING; /* from here on a use is refused, and giving back is not */
        e->device->guarded = true;
    }
    for (entry *e = last_device; e != NULL; e = e->before)
        if (closes_now(e)) finish(e->device);
    for (entry *e = last_device; e != NULL; e = e->before)
        if (closes_now(e) && e->device->in_flight == 0) /* else better open than closed under it */
            close_handle(e->device);
    shut_down();
    Py_RETURN_NONE;
}

/* After the interpreter: no Python from here on. */
static void close_the_rest(void) {
    for (entry *e = last_device; e != NULL; e = e->before) {
        dvf_device *d = e->device;
        if (e->process != (long)getpid() || d->state != DVF_OPEN) continue;
        if (!d->host_visible || d->in_flight > 0 || d->live_bytes > 0) continue;
        close_handle(d);
    }
    shut_down();
}

/* after_fork(device): in a child, whose threads are not its parent's. */
static PyObject *py_after_fork(PyObject *self, PyObject *object) {
    (void)self;
    if (!PyObject_TypeCheck(object, dvf_device_type)) {
        PyErr_SetString(PyExc_TypeError, "after_fork needs a device");
        return NULL;
    }
    dvf_device *d = (dvf_device *)object;
    d->in_flight = 0; /* the threads that made those calls are not here */
    if (!d->plugin->has_device || d->state != DVF_OPEN) Py_RETURN_NONE;
    bool follows = d->plugin->device.after_fork_child != NULL;
    if (follows) d->plugin->device.after_fork_child(d->handle);
    if (!follows || dvf_stream_after_fork(d) < 0) {
        d->state = DVF_FORKED;
        d->guarded = true;
    }
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {{"close_devices", py_close_devices, METH_NOARGS,
                                   "Close every device that this process opened."},
                                  {"after_fork", py_after_fork, METH_O,
                                   "In a child: take the device over, or mark it as the parent's."},
                                  {NULL, NULL, 0, NULL}};

int dvf_closing_init(PyObject *module) {
    Py_AtExit(close_the_rest); /* where there is no room for one more, they stay open */
    return PyModule_AddFunctions(module, functions);
}
