/* Tape as a Python object, and the functions transforms are made of. */
#include <stdlib.h>

#include "operand.h"
#include "tape.h"

static PyTypeObject *tape_type;

/* gradient(outputs, cotangents, sources) -> tuple with an Array or None per source */
static PyObject *tape_gradient(PyObject *self, PyObject *args) {
    PyObject *outputs, *cotangents, *sources;
    if (!PyArg_ParseTuple(args, "O!O!O!", &PyTuple_Type, &outputs, &PyTuple_Type, &cotangents,
                          &PyTuple_Type, &sources))
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(outputs);
    if (PyTuple_GET_SIZE(cotangents) != n) {
        PyErr_SetString(PyExc_ValueError, "one cotangent per output, please");
        return NULL;
    }
    return dvf_tape_gradients((dvf_tape *)self, &PyTuple_GET_ITEM(outputs, 0),
                              &PyTuple_GET_ITEM(cotangents, 0), n, sources);
}

/* Tape(sources): watch these Arrays and become this thread's innermost tape. */
static PyObject *tape_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    PyObject *sources;
    if (!PyArg_ParseTuple(args, "O!", &PyTuple_Type, &sources)) return NULL;
    dvf_tape *t = (dvf_tape *)type->tp_alloc(type, 0);
    if (t == NULL) return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(sources); i++) {
        PyObject *a = PyTuple_GET_ITEM(sources, i);
        if (!dvf_is_array(a) || dvf_tape_watch(t, (dvf_array *)a) < 0) {
            if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "a tape watches Arrays");
            Py_DECREF(t);
            return NULL;
        }
    }
    t->below = (dvf_tape *)Py_XNewRef((PyObject *)dvf_tape_top);
    t->active = true;
    dvf_tape_top = t;
    Py_INCREF(t); /* the thread's stack holds it until stop() */
    return (PyObject *)t;
}

/* stop(): no more recording; must be the innermost tape. */
static PyObject *tape_stop(PyObject *self, PyObject *unused) {
    (void)unused;
    dvf_tape *t = (dvf_tape *)self;
    if (!t->active) Py_RETURN_NONE;
    if (dvf_tape_top != t) {
        PyErr_SetString(PyExc_RuntimeError, "tapes must stop in the reverse order of their start");
        return NULL;
    }
    dvf_tape_top = t->below;
    t->below = NULL;
    t->active = false;
    if (dvf_tape_top != NULL) Py_DECREF((PyObject *)dvf_tape_top);
    Py_DECREF(t);
    Py_RETURN_NONE;
}

static void tape_dealloc(PyObject *self) {
    dvf_tape *t = (dvf_tape *)self;
    PyTypeObject *type = Py_TYPE(self);
    for (Py_ssize_t i = 0; i < t->n_records; i++) dvf_record_clear(&t->records[i]);
    for (Py_ssize_t i = 0; i < t->n_buckets; i++) Py_XDECREF((PyObject *)t->keys[i]);
    free(t->records);
    free(t->keys);
    free(t->slots);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *tape_watches(PyObject *self, PyObject *array) {
    return PyBool_FromLong(dvf_is_array(array) &&
                           dvf_tape_slot((dvf_tape *)self, (dvf_array *)array) >= 0);
}

static PyMethodDef tape_methods[] = {
    {"stop", tape_stop, METH_NOARGS, "End recording."},
    {"gradient", tape_gradient, METH_VARARGS, "gradient(outputs, cotangents, sources)"},
    {"watches", tape_watches, METH_O, "Whether an Array depends on what the tape watches."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot tape_slots[] = {{Py_tp_new, DVF_FN(tape_new)},
                                   {Py_tp_dealloc, DVF_FN(tape_dealloc)},
                                   {Py_tp_methods, tape_methods},
                                   {Py_tp_doc, "A gradient tape; dovetail.grad uses it."},
                                   {0, NULL}};

static PyType_Spec tape_spec = {"dovetail._fast.Tape", sizeof(dvf_tape), 0, Py_TPFLAGS_DEFAULT,
                                tape_slots};

/* tape_record(rule, inputs, outputs): a compiled call, for every tape that watches an input. */
static PyObject *py_tape_record(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *rule, *inputs, *outputs;
    if (!PyArg_ParseTuple(args, "OO!O!", &rule, &PyTuple_Type, &inputs, &PyTuple_Type, &outputs))
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(inputs);
    dvf_array *const *in = (dvf_array *const *)(void *)&PyTuple_GET_ITEM(inputs, 0);
    if (dvf_tape_append(NULL, rule, in, (int)n, outputs, NULL) < 0) return NULL;
    Py_RETURN_NONE;
}

/* tape_watching(inputs) -> whether any active tape watches one of them. */
static PyObject *py_tape_watching(PyObject *self, PyObject *inputs) {
    (void)self;
    if (!PyTuple_Check(inputs)) {
        PyErr_SetString(PyExc_TypeError, "tape_watching needs a tuple of Arrays");
        return NULL;
    }
    dvf_array *const *in = (dvf_array *const *)(void *)&PyTuple_GET_ITEM(inputs, 0);
    return PyBool_FromLong(dvf_tape_watches(in, (int)PyTuple_GET_SIZE(inputs)));
}

/* Tapes that sleep on this thread, in the order in which they fell asleep; tokens own them. */
static _Thread_local struct {
    dvf_tape **tapes;
    Py_ssize_t n, room;
} asleep;

bool dvf_tape_asleep_watches(dvf_array *const *inputs, int n) {
    for (Py_ssize_t i = 0; i < asleep.n; i++)
        if (dvf_tape_chain_watches(asleep.tapes[i], inputs, n)) return true;
    return false;
}

/* tape_suspend() -> token: nothing is recorded on this thread until tape_resume(token). */
static PyObject *py_tape_suspend(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    if (asleep.n == asleep.room) {
        Py_ssize_t room = asleep.room == 0 ? 8 : 2 * asleep.room;
        dvf_tape **tapes = realloc(asleep.tapes, (size_t)room * sizeof(dvf_tape *));
        if (tapes == NULL) return PyErr_NoMemory();
        asleep.tapes = tapes;
        asleep.room = room;
    }
    asleep.tapes[asleep.n++] = dvf_tape_top;
    PyObject *top = dvf_tape_top != NULL ? (PyObject *)dvf_tape_top : Py_NewRef(Py_None);
    dvf_tape_top = NULL; /* the stack's reference travels with the token */
    return top;
}

static PyObject *py_tape_resume(PyObject *self, PyObject *token) {
    (void)self;
    if (asleep.n == 0 || (token != Py_None && !Py_IS_TYPE(token, tape_type))) {
        PyErr_SetString(PyExc_TypeError, "tape_resume needs what tape_suspend gave");
        return NULL;
    }
    if (--asleep.n == 0) { /* threads come and go */
        free(asleep.tapes);
        asleep.tapes = NULL;
        asleep.room = 0;
    }
    if (dvf_tape_top != NULL) {
        PyErr_SetString(PyExc_RuntimeError,
                        "a tape started while tapes were suspended is still running");
        return NULL;
    }
    if (token != Py_None) dvf_tape_top = (dvf_tape *)Py_NewRef(token);
    Py_RETURN_NONE;
}

/* ---- the usual call: arrays in, one scalar out ------------------------------------------------------- */

/* What a tape watches in place of an argument: another identity of the same value, through the
 * identity op where an outer tape or a trace must see the step. */
static PyObject *stand_in(dvf_array *x) {
    if (x->tracer == NULL && dvf_tape_top == NULL) return (PyObject *)dvf_array_alias(x);
    PyObject *identity = PyDict_GetItemString(dvf_array_operators, "positive");
    return identity != NULL ? PyObject_CallOneArg(identity, (PyObject *)x) : NULL;
}

static bool plain(PyObject *args, PyObject *where) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(where); i++) {
        Py_ssize_t at = PyLong_AsSsize_t(PyTuple_GET_ITEM(where, i));
        if (at < 0 || at >= PyTuple_GET_SIZE(args)) {
            PyErr_Clear();
            return false;
        }
        PyObject *x = PyTuple_GET_ITEM(args, at);
        if (!dvf_is_array(x) || !dvf_dtype_differentiable(((dvf_array *)x)->dtype)) return false;
    }
    return PyTuple_GET_SIZE(where) > 0;
}

/* The derivative of a scalar with respect to itself. */
static PyObject *one_like(dvf_array *value) {
    PyObject *one = PyFloat_FromDouble(1.0);
    if (one == NULL) return NULL;
    dvf_array *a = dvf_scalar_array(one, value->dtype, value->device);
    Py_DECREF(one);
    return (PyObject *)a;
}

/* Call function with the stand-ins, its own tape on top. */
static PyObject *call_watched(PyObject *function, PyObject *args, PyObject *kwargs, PyObject *where,
                              PyObject *watched, PyObject **tape) {
    PyObject *given = PySequence_List(args), *result = NULL;
    for (Py_ssize_t i = 0; given != NULL && i < PyTuple_GET_SIZE(where); i++) {
        Py_ssize_t at = PyLong_AsSsize_t(PyTuple_GET_ITEM(where, i));
        if (PyList_SetItem(given, at, Py_NewRef(PyTuple_GET_ITEM(watched, i))) < 0) Py_CLEAR(given);
    }
    PyObject *packed = given != NULL ? PyList_AsTuple(given) : NULL;
    Py_XDECREF(given);
    PyObject *sources = packed != NULL ? PyTuple_Pack(1, watched) : NULL;
    *tape = sources != NULL ? tape_new(tape_type, sources, NULL) : NULL;
    Py_XDECREF(sources);
    if (*tape != NULL) {
        result = PyObject_Call(function, packed, kwargs);
        PyObject *type, *value, *traceback;
        PyErr_Fetch(&type, &value, &traceback);
        PyObject *stopped = tape_stop(*tape, NULL);
        if (stopped == NULL) Py_CLEAR(result);
        Py_XDECREF(stopped);
        if (type != NULL) PyErr_Restore(type, value, traceback);
    }
    Py_XDECREF(packed);
    return result;
}

/* differentiate(function, args, kwargs, where) -> (value, gradients, None); where a gradient is None,
 * the third is the tuple of stand-ins. gradients is None when the value is no floating scalar. None when
 * the call is not plain: an argument at a position of `where` is no floating Array. */
static PyObject *py_differentiate(PyObject *self, PyObject *const *args, Py_ssize_t n) {
    (void)self;
    if (n != 4 || !PyTuple_Check(args[1]) || !PyTuple_Check(args[3])) {
        PyErr_SetString(PyExc_TypeError, "differentiate(function, args, kwargs, where)");
        return NULL;
    }
    if (!plain(args[1], args[3])) Py_RETURN_NONE;
    Py_ssize_t m = PyTuple_GET_SIZE(args[3]);
    PyObject *tape = NULL, *value = NULL, *found = NULL, *result = NULL, *one = NULL;
    PyObject *watched = PyTuple_New(m);
    for (Py_ssize_t i = 0; watched != NULL && i < m; i++) {
        PyObject *x = PyTuple_GET_ITEM(args[1], PyLong_AsSsize_t(PyTuple_GET_ITEM(args[3], i)));
        PyObject *alias = stand_in((dvf_array *)x);
        if (alias == NULL) Py_CLEAR(watched);
        if (alias != NULL) PyTuple_SET_ITEM(watched, i, alias);
    }
    if (watched != NULL) value = call_watched(args[0], args[1], args[2], args[3], watched, &tape);
    if (value == NULL) goto done;
    dvf_array *y = (dvf_array *)value;
    if (!dvf_is_array(value) || y->view.ndim != 0 || dvf_dtypes[y->dtype].kind != DVF_KIND_FLOAT) {
        result = PyTuple_Pack(3, value, Py_None, watched); /* the caller words what is wrong */
        goto done;
    }
    one = one_like(y);
    if (one == NULL) goto done;
    found = dvf_tape_gradients((dvf_tape *)tape, &value, &one, 1, watched);
    bool missing = false;
    for (Py_ssize_t i = 0; found != NULL && i < m; i++)
        missing = missing || PyTuple_GET_ITEM(found, i) == Py_None;
    if (found != NULL) result = PyTuple_Pack(3, value, found, missing ? watched : Py_None);
done:
    Py_XDECREF(one);
    Py_XDECREF(tape);
    Py_XDECREF(value);
    Py_XDECREF(found);
    Py_XDECREF(watched);
    return result;
}

static PyMethodDef functions[] = {
    {"differentiate", (PyCFunction)(void (*)(void))py_differentiate, METH_FASTCALL,
     "Value and gradients of a plain call."},
    {"tape_suspend", py_tape_suspend, METH_NOARGS, "Stop recording on this thread."},
    {"tape_resume", py_tape_resume, METH_O, "Record again."},
    {"tape_record", py_tape_record, METH_VARARGS, "Record a compiled call."},
    {"tape_watching", py_tape_watching, METH_O, "Whether an active tape watches an input."},
    {NULL, NULL, 0, NULL}};

int dvf_tape_init(PyObject *module) {
    tape_type = (PyTypeObject *)PyType_FromSpec(&tape_spec);
    if (tape_type == NULL) return -1;
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    return PyModule_AddObjectRef(module, "Tape", (PyObject *)tape_type);
}
