/* Dispatch: one op call, end to end. Key -> cache; a hit launches without running Python; a miss asks
 * dovetail.dispatch.resolve once. Traced operands append a node; watched ones go on the tape. */
#include <string.h>

#include "cache.h"
#include "fast.h"
#include "operand.h"
#include "stream.h"
#include "tape.h"

PyObject *dvf_hook_record, *dvf_hook_resolve, *dvf_hook_operand, *dvf_hook_call_recorded;
static PyObject *hook_decompose, *hook_default_device;
static _Thread_local int trace_depth;
static _Thread_local dvf_device *current_device; /* devices live for ever */

int dvf_tracing(void) {
    return trace_depth;
}

/* trace_depth(delta) -> depth: transforms enter and leave a trace on this thread. */
PyObject *dvf_py_trace_depth(PyObject *self, PyObject *delta) {
    (void)self;
    long d = PyLong_AsLong(delta);
    if (d == -1 && PyErr_Occurred()) return NULL;
    trace_depth += (int)d;
    return PyLong_FromLong(trace_depth);
}

PyObject *dvf_py_set_hooks(PyObject *self, PyObject *hooks) {
    (void)self;
    const struct {
        const char *name;
        PyObject **slot;
    } wanted[] = {{"record", &dvf_hook_record},   {"resolve", &dvf_hook_resolve},
                  {"operand", &dvf_hook_operand}, {"call_recorded", &dvf_hook_call_recorded},
                  {"decompose", &hook_decompose}, {"default_device", &hook_default_device}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        PyObject *function = PyDict_GetItemString(hooks, wanted[i].name);
        if (function == NULL) {
            PyErr_Format(PyExc_KeyError, "no hook %s", wanted[i].name);
            return NULL;
        }
        Py_XSETREF(*wanted[i].slot, Py_NewRef(function));
    }
    Py_RETURN_NONE;
}

/* set_device(device or None) -> the previous one: where this thread makes new arrays. */
PyObject *dvf_py_set_device(PyObject *self, PyObject *device) {
    (void)self;
    if (device != Py_None && !PyObject_TypeCheck(device, dvf_device_type)) {
        PyErr_SetString(PyExc_TypeError, "set_device needs a Device or None");
        return NULL;
    }
    PyObject *previous = current_device != NULL ? (PyObject *)current_device : Py_None;
    Py_INCREF(previous);
    current_device = device == Py_None ? NULL : (dvf_device *)Py_NewRef(device);
    return previous;
}

dvf_device *dvf_current_device(void) {
    if (current_device == NULL) {
        PyObject *device = PyObject_CallNoArgs(hook_default_device);
        if (device == NULL) return NULL;
        if (!PyObject_TypeCheck(device, dvf_device_type)) {
            Py_DECREF(device);
            PyErr_SetString(PyExc_TypeError, "default_device must give a Device");
            return NULL;
        }
        current_device = (dvf_device *)device;
    }
    return current_device;
}

PyObject *dvf_py_get_device(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return Py_XNewRef((PyObject *)dvf_current_device());
}

/* ---- helpers ------------------------------------------------------------------------------------ */

static PyObject *inputs_tuple(dvf_array *const *inputs, int n) {
    PyObject *tuple = PyTuple_New(n);
    if (tuple == NULL) return NULL;
    for (int i = 0; i < n; i++) PyTuple_SET_ITEM(tuple, i, Py_NewRef((PyObject *)inputs[i]));
    return tuple;
}

static PyObject *attributes_dict(dvf_op *op, PyObject *const *attrs) {
    PyObject *dict = PyDict_New();
    if (dict == NULL) return NULL;
    for (int i = 0; i < op->n_attributes; i++) {
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(op->attributes, i), attrs[i]) < 0) {
            Py_DECREF(dict);
            return NULL;
        }
    }
    return dict;
}

/* hook(record, inputs, attributes) */
static PyObject *call_hook(PyObject *hook, dvf_op *op, dvf_array *const *inputs, int n,
                           PyObject *const *attrs) {
    PyObject *tuple = inputs_tuple(inputs, n), *result = NULL;
    PyObject *dict = tuple ? attributes_dict(op, attrs) : NULL;
    if (dict != NULL)
        result = PyObject_CallFunctionObjArgs(hook, op->record, tuple, dict, (PyObject *)op, NULL);
    Py_XDECREF(tuple);
    Py_XDECREF(dict);
    return result;
}

/* Apply one of the conversions array.py registered: astype(x, dtype), broadcast_to(x, shape). */
static dvf_array *convert(const char *name, dvf_array *x, PyObject *argument) {
    PyObject *function = PyDict_GetItemString(dvf_array_operators, name);
    if (function == NULL) {
        PyErr_Format(PyExc_RuntimeError, "dovetail.array has not set %s", name);
        return NULL;
    }
    PyObject *args[2] = {(PyObject *)x, argument};
    PyObject *result = PyObject_Vectorcall(function, args, argument != NULL ? 2 : 1, NULL);
    if (result != NULL && !dvf_is_array(result)) {
        Py_DECREF(result);
        PyErr_Format(PyExc_TypeError, "%s must give an Array", name);
        return NULL;
    }
    return (dvf_array *)result;
}

/* Operands that differ from what the caller passed, freed when the call ends. */
typedef struct {
    dvf_array *inputs[DVF_MAX_OPERANDS];
    bool owned[DVF_MAX_OPERANDS];
    int n;
} operands;

static void own(operands *o, int i, dvf_array *a) {
    if (o->owned[i]) Py_DECREF(o->inputs[i]);
    o->inputs[i] = a;
    o->owned[i] = true;
}

static void operands_clear(operands *o) {
    for (int i = 0; i < o->n; i++)
        if (o->owned[i]) Py_DECREF(o->inputs[i]);
}

static int promote(operands *o, PyObject *casts, PyObject *shapes) {
    for (int i = 0; i < o->n; i++) {
        PyObject *dtype = PyTuple_GET_ITEM(casts, i), *shape = PyTuple_GET_ITEM(shapes, i);
        if (dtype != Py_None) {
            dvf_array *a = convert("astype", o->inputs[i], dtype);
            if (a == NULL) return -1;
            own(o, i, a);
        }
        if (shape != Py_None) {
            dvf_array *a = convert("broadcast_to", o->inputs[i], shape);
            if (a == NULL) return -1;
            own(o, i, a);
        }
    }
    return 0;
}

static int make_contiguous(operands *o, uint64_t mask) {
    for (int i = 0; i < o->n; i++) {
        if (!(mask >> i & 1u) || o->inputs[i]->contiguous) continue;
        dvf_array *a = convert("copy", o->inputs[i], NULL);
        if (a == NULL) return -1;
        own(o, i, a);
    }
    return 0;
}

/* ---- the three kinds of result ------------------------------------------------------------------ */

static PyObject *launch(dvf_entry *entry, dvf_array *const *inputs, int n) {
    dvf_kernel *kernel = entry->kernel;
    dvf_array *outputs[DVF_MAX_RESULTS];
    const dvt_tensor *in[DVF_MAX_OPERANDS], *out[DVF_MAX_RESULTS];
    bool empty = true;
    int made = 0;
    for (int i = 0; i < n; i++) in[i] = &inputs[i]->view;
    for (; made < entry->n_results; made++) {
        const dvf_result *r = &entry->results[made];
        dvf_buffer *buffer = dvf_alloc(kernel->device, r->size);
        if (buffer == NULL) goto fail;
        outputs[made] = dvf_array_from_buffer(buffer, kernel->device, r->dtype, r->ndim, r->shape);
        if (outputs[made] == NULL) goto fail;
        out[made] = &outputs[made]->view;
        if (r->size > 0) empty = false;
    }
    if (!empty || (kernel->row_flags & DVT_KERNEL_EMPTY)) {
        if (dvf_kernel_launch(kernel, in, (uint32_t)n, out, (uint32_t)entry->n_results) < 0)
            goto fail;
        for (int i = 0; i < made; i++) dvf_wrote(outputs[i]);
    }
    if (entry->n_results == 1) return (PyObject *)outputs[0];
    PyObject *tuple = PyTuple_New(entry->n_results);
    if (tuple == NULL) goto fail;
    for (int i = 0; i < entry->n_results; i++) PyTuple_SET_ITEM(tuple, i, (PyObject *)outputs[i]);
    return tuple;
fail:
    for (int i = 0; i < made; i++) Py_DECREF(outputs[i]);
    return NULL;
}

/* Run a Python route (decomposition, another device) with tapes asleep: the caller records the op
 * as a whole. */
static PyObject *call_python(dvf_op *op, PyObject *function, dvf_array *const *inputs, int n,
                             PyObject *canonical, bool sleep) {
    PyObject *tuple = inputs_tuple(inputs, n), *result = NULL;
    PyObject *dict = PyDict_New();
    for (int i = 0; dict != NULL && i < op->n_attributes; i++) {
        if (PyDict_SetItem(dict, PyTuple_GET_ITEM(op->attributes, i),
                           PyTuple_GET_ITEM(canonical, i)) < 0)
            Py_CLEAR(dict);
    }
    if (tuple != NULL && dict != NULL) {
        struct dvf_tape *top = dvf_tape_top;
        if (sleep) dvf_tape_top = NULL;
        result = PyObject_Call(function, tuple, dict);
        if (sleep) dvf_tape_top = top;
    }
    Py_XDECREF(tuple);
    Py_XDECREF(dict);
    return result;
}

static PyObject *run_entry(dvf_op *op, dvf_entry *entry, dvf_array *const *inputs, int n) {
    switch (entry->kind) {
    case DVF_ENTRY_KERNEL:
        return launch(entry, inputs, n);
    case DVF_ENTRY_VIEW: {
        const dvf_result *r = &entry->results[0];
        return (PyObject *)dvf_array_view(inputs[0], r->ndim, r->shape, r->shape + r->ndim,
                                          entry->offset);
    }
    default:
        return call_python(op, entry->function, inputs, n, entry->canonical,
                           op->gradient != Py_None);
    }
}

/* ---- tracing ------------------------------------------------------------------------------------ */

/* record(op, inputs, attributes, function) -> (inputs after promotion, results, canonical values).
 * Tapes sleep meanwhile only in the sense that promotion happens through op calls, which record
 * themselves. */
static PyObject *dispatch_traced(dvf_op *op, operands *o, PyObject *const *attrs) {
    PyObject *answer = call_hook(dvf_hook_record, op, o->inputs, o->n, attrs);
    if (answer == NULL) return NULL;
    if (!PyTuple_Check(answer) || PyTuple_GET_SIZE(answer) != 3) {
        Py_DECREF(answer);
        PyErr_SetString(PyExc_TypeError, "record must give (inputs, results, canonical)");
        return NULL;
    }
    PyObject *inputs = PyTuple_GET_ITEM(answer, 0), *canonical = PyTuple_GET_ITEM(answer, 2);
    PyObject *results = Py_NewRef(PyTuple_GET_ITEM(answer, 1));
    if (dvf_tape_top != NULL && op->gradient != Py_None) {
        dvf_array *promoted[DVF_MAX_OPERANDS];
        int n = (int)PyTuple_GET_SIZE(inputs);
        for (int i = 0; i < n; i++) promoted[i] = (dvf_array *)PyTuple_GET_ITEM(inputs, i);
        if (dvf_tape_record(op, promoted, n, results, canonical) < 0) Py_CLEAR(results);
    }
    Py_DECREF(answer);
    return results;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static int check_devices(dvf_op *op, const operands *o, dvf_device **device) {
    for (int i = 0; i < o->n; i++) {
        dvf_array *a = o->inputs[i];
        if (dvf_array_check(a) < 0) return -1;
        if (*device == NULL) *device = a->device;
        if (a->device != *device) {
            PyErr_Format(dvf_DeviceError,
                         "%U: its operands lie on %U and on %U; move one with to_device(\"%U\")",
                         op->name, (*device)->name, a->device->name, (*device)->name);
            return -1;
        }
    }
    if (*device == NULL) *device = dvf_current_device();
    return *device == NULL ? -1 : 0;
}

PyObject *dvf_dispatch(dvf_op *op, dvf_array **given, int n, PyObject *const *attrs) {
    operands o;
    o.n = n;
    memcpy(o.inputs, given, (size_t)n * sizeof *given);
    memset(o.owned, 0, (size_t)n);
    PyObject *result = NULL;
    if (attrs == NULL) attrs = &PyTuple_GET_ITEM(op->defaults, 0);
    bool traced = n == 0 && trace_depth > 0;
    for (int i = 0; i < n; i++) traced = traced || o.inputs[i]->tracer != NULL;
    /* What a function closes over is no constant where the caller differentiates with respect to it. */
    if (!traced && trace_depth > 0) traced = dvf_tape_asleep_watches(o.inputs, n);
    /* An op without a rule of its own is differentiated through its decomposition. */
    if (dvf_tape_top != NULL && op->gradient == Py_None && op->decomposes &&
        dvf_tape_watches(o.inputs, n)) {
        return call_hook(hook_decompose, op, o.inputs, n, attrs);
    }
    if (traced) {
        result = dispatch_traced(op, &o, attrs);
        operands_clear(&o);
        return result;
    }
    dvf_device *device = NULL;
    if (check_devices(op, &o, &device) < 0) return NULL;
    for (int round = 0; round < 4; round++) { /* promote, then make contiguous, then run */
        dvf_key key;
        dvf_entry *entry = NULL;
        if (dvf_key_build(&key, op, device, o.inputs, n, attrs) < 0) break;
        entry = dvf_cache_find(&key);
        if (entry == NULL) {
            PyObject *answer = call_hook(dvf_hook_resolve, op, o.inputs, n, key.attrs);
            if (answer != NULL) entry = dvf_cache_insert(&key, answer);
            Py_XDECREF(answer);
        }
        dvf_key_clear(&key);
        if (entry == NULL) break;
        entry->references++;
        if (entry->kind == DVF_ENTRY_PROMOTE || entry->kind == DVF_ENTRY_CONTIGUOUS) {
            int failed = entry->kind == DVF_ENTRY_PROMOTE ? promote(&o, entry->casts, entry->shapes)
                                                          : make_contiguous(&o, entry->mask);
            dvf_entry_release(entry);
            if (failed) break;
            continue;
        }
        result = run_entry(op, entry, o.inputs, n);
        if (result != NULL && dvf_tape_top != NULL && op->gradient != Py_None &&
            dvf_tape_record(op, o.inputs, n, result, entry->canonical) < 0)
            Py_CLEAR(result);
        dvf_entry_release(entry);
        break;
    }
    if (result == NULL && !PyErr_Occurred())
        PyErr_Format(PyExc_SystemError, "%U: resolution did not settle", op->name);
    operands_clear(&o);
    return result;
}
