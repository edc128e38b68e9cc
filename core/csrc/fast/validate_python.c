/* The Python half of the validation layer: put it in, ask what it did. */
#include "validate_python.h"

#include "fast.h"
#include "validate.h"
#include "validate_guard.h"

#include <stdio.h>
#include <stdlib.h>

static dvv_snapshot before_load;
static bool have_snapshot;

/* validation_start(): before a library is loaded, note how the process is. */
static PyObject *validation_start(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    if (dvv_fault_install() < 0) {
        PyErr_SetString(dvf_DeviceError,
                        "the validation layer could not install its fault handler");
        return NULL;
    }
    dvv_snapshot_take(&before_load);
    have_snapshot = true;
    Py_RETURN_NONE;
}

static dvf_plugin *plugin_of(PyObject *capsule) {
    return PyCapsule_GetPointer(capsule, "dovetail.plugin");
}

/* What nobody could be told: findings of slots without status that no later call raised, and host memory
 * that runs have kept. Called after Python has ended, which closes the last devices. */
static void tell_the_rest(void) {
    for (dvv_layer *v = dvv_layer_first(); v != NULL; v = v->next) {
        char op[64] = "";
        uint64_t bytes, blocks = dvv_loans_of_calls(v, &bytes, op, sizeof op);
        if (atomic_load(&v->has_pending)) fprintf(stderr, "%s\n", v->pending);
        if (blocks > 0)
            fprintf(stderr,
                    "validation: exit of %s: %llu blocks of host memory (%llu bytes) that run or "
                    "execute took were never given back, one of them in %s. The fault is the "
                    "plugin's.\n",
                    v->below.table.name, (unsigned long long)blocks, (unsigned long long)bytes, op);
    }
}

/* validate_plugin(plugin): put the layer in; a PluginError when loading changed the process. */
static PyObject *validate_plugin(PyObject *self, PyObject *capsule) {
    (void)self;
    dvf_plugin *plugin = plugin_of(capsule);
    if (plugin == NULL) return NULL;
    static bool once;
    if (!once && atexit(tell_the_rest) == 0) once = true;
    if (dvv_fault_install() < 0 || dvv_layer_put(plugin) == NULL) return PyErr_NoMemory();
    char text[300];
    if (have_snapshot && dvv_snapshot_restore(&before_load, text, sizeof text)) {
        have_snapshot = false;
        PyErr_Format(
            dvf_PluginError,
            "validation: loading of %s: %s. The fault is the plugin's: it, or what it links, "
            "was built with an option such as -ffast-math, or does this in a constructor",
            plugin->table.name, text);
        return NULL;
    }
    have_snapshot = false;
    Py_RETURN_NONE;
}

static const char *const names[DVV_CHECKS] = {
    "handles", "structs", "memory", "views", "inputs", "outputs",    "reruns", "workspace",
    "process", "threads", "host",   "order", "errors", "extensions", "graphs", "findings"};

/* Of a plugin's capsule, or of one of its devices. */
static dvv_layer *layer_of(PyObject *object) {
    bool device = PyObject_TypeCheck(object, dvf_device_type);
    dvf_plugin *plugin = device ? ((dvf_device *)object)->plugin : plugin_of(object);
    if (plugin == NULL) return NULL;
    dvv_layer *v = dvv_layer_over(plugin);
    if (v == NULL) PyErr_SetString(PyExc_ValueError, "this plugin is not validated");
    return v;
}

static int put(PyObject *counts, const char *name, uint64_t value) {
    PyObject *number = PyLong_FromUnsignedLongLong(value);
    int result = number != NULL ? PyDict_SetItemString(counts, name, number) : -1;
    Py_XDECREF(number);
    return result;
}

/* validation_counts(device or plugin) -> how often each kind of check was made, and what the plugin holds */
static PyObject *validation_counts(PyObject *self, PyObject *object) {
    (void)self;
    dvv_layer *v = layer_of(object);
    PyObject *counts = v != NULL ? PyDict_New() : NULL;
    for (int i = 0; counts != NULL && i < DVV_CHECKS; i++)
        if (put(counts, names[i], atomic_load(&v->counts[i])) < 0) Py_CLEAR(counts);
    if (counts == NULL) return NULL;
    pthread_mutex_lock(&v->lock);
    uint64_t blocks = v->held_blocks, bytes = v->held_bytes, live = v->n_blocks;
    pthread_mutex_unlock(&v->lock);
    if (put(counts, "held_blocks", blocks) < 0 || put(counts, "held_bytes", bytes) < 0 ||
        put(counts, "live_blocks", live) < 0)
        Py_CLEAR(counts);
    return counts;
}

static PyMethodDef functions[] = {
    {"validation_start", validation_start, METH_NOARGS, "Note how the process is before a load."},
    {"validate_plugin", validate_plugin, METH_O, "Put the validation layer over a plugin."},
    {"validation_counts", validation_counts, METH_O, "How often each kind of check was made."},
    {NULL, NULL, 0, NULL}};

int dvf_validation_init(PyObject *module) {
    return PyModule_AddFunctions(module, functions);
}
