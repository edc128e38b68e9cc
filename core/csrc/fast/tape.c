/* The gradient tape. Each active tape knows which Arrays depend on what it watches; an op that reads
 * one of them is recorded on it. The backward walk calls the op records' rules, which are written in
 * ops, so outer tapes record the walk: gradients nest. */
#include <stdlib.h>
#include <string.h>

#include "fast.h"
#include "operand.h"

typedef struct record {
    dvf_op *op;          /* null: a compiled call, see rule */
    PyObject *rule;      /* rule(g, outputs, *inputs) -> tuple, for compiled calls */
    dvf_array **inputs;  /* strong */
    dvf_array **outputs; /* strong */
    PyObject *attrs;     /* tuple of canonical values */
    int n_inputs, n_outputs;
} record;

typedef struct dvf_tape {
    PyObject_HEAD struct dvf_tape *below; /* the tape that was innermost before; strong */
    record *records;
    Py_ssize_t n_records, room;
    dvf_array **keys; /* open addressing: Array -> slot of its gradient; keys are strong */
    int32_t *slots;
    Py_ssize_t n_keys, n_buckets;
    bool active;
} dvf_tape;

static PyTypeObject *tape_type;
_Thread_local struct dvf_tape *dvf_tape_top;

/* ---- the set of watched arrays ------------------------------------------------------------------ */

static size_t place_of(const dvf_tape *t, const dvf_array *a) {
    size_t mask = (size_t)t->n_buckets - 1;
    size_t at = (size_t)(((uintptr_t)a >> 4) * 0x9E3779B97F4A7C15ull >> 32) & mask;
    while (t->keys[at] != NULL && t->keys[at] != a) at = (at + 1) & mask;
    return at;
}

static int32_t slot_of(const dvf_tape *t, const dvf_array *a) {
    if (t->n_keys == 0) return -1;
    size_t at = place_of(t, a);
    return t->keys[at] != NULL ? t->slots[at] : -1;
}

static int grow(dvf_tape *t) {
    Py_ssize_t old = t->n_buckets, wanted = old == 0 ? 16 : 2 * old;
    dvf_array **keys = t->keys;
    int32_t *slots = t->slots;
    t->keys = calloc((size_t)wanted, sizeof *t->keys);
    t->slots = calloc((size_t)wanted, sizeof *t->slots);
    if (t->keys == NULL || t->slots == NULL) {
        free(t->keys);
        free(t->slots);
        t->keys = keys;
        t->slots = slots;
        PyErr_NoMemory();
        return -1;
    }
    t->n_buckets = wanted;
    for (Py_ssize_t i = 0; i < old; i++) {
        if (keys[i] == NULL) continue;
        size_t at = place_of(t, keys[i]);
        t->keys[at] = keys[i];
        t->slots[at] = slots[i];
    }
    free(keys);
    free(slots);
    return 0;
}

static int watch(dvf_tape *t, dvf_array *a) {
    if (2 * (t->n_keys + 1) > t->n_buckets && grow(t) < 0) return -1;
    size_t at = place_of(t, a);
    if (t->keys[at] != NULL) return 0;
    t->keys[at] = (dvf_array *)Py_NewRef((PyObject *)a);
    t->slots[at] = (int32_t)t->n_keys++;
    return 0;
}

static bool watches(const dvf_tape *t, dvf_array *const *inputs, int n) {
    for (int i = 0; i < n; i++)
        if (dvf_dtypes[inputs[i]->dtype].kind == DVF_KIND_FLOAT && slot_of(t, inputs[i]) >= 0)
            return true;
    return false;
}

bool dvf_tape_watches(dvf_array *const *inputs, int n) {
    for (dvf_tape *t = dvf_tape_top; t != NULL; t = t->below)
        if (watches(t, inputs, n)) return true;
    return false;
}

/* ---- recording ---------------------------------------------------------------------------------- */

static void record_clear(record *r) {
    for (int i = 0; i < r->n_inputs; i++) Py_XDECREF((PyObject *)r->inputs[i]);
    for (int i = 0; i < r->n_outputs; i++) Py_XDECREF((PyObject *)r->outputs[i]);
    PyMem_Free(r->inputs);
    Py_XDECREF((PyObject *)r->op);
    Py_XDECREF(r->rule);
    Py_XDECREF(r->attrs);
}

static int append(dvf_tape *t, dvf_op *op, PyObject *rule, dvf_array *const *inputs, int n,
                  PyObject *const *outputs, int n_outputs, PyObject *attrs) {
    if (t->n_records == t->room) {
        Py_ssize_t room = t->room == 0 ? 8 : 2 * t->room;
        record *records = realloc(t->records, (size_t)room * sizeof *records);
        if (records == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        t->records = records;
        t->room = room;
    }
    record *r = &t->records[t->n_records];
    r->inputs = PyMem_Malloc((size_t)(n + n_outputs) * sizeof *r->inputs);
    if (r->inputs == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    r->outputs = r->inputs + n;
    r->op = (dvf_op *)Py_XNewRef((PyObject *)op);
    r->rule = Py_XNewRef(rule);
    r->attrs = Py_XNewRef(attrs);
    r->n_inputs = n;
    r->n_outputs = n_outputs;
    for (int i = 0; i < n; i++) r->inputs[i] = (dvf_array *)Py_NewRef((PyObject *)inputs[i]);
    for (int i = 0; i < n_outputs; i++) r->outputs[i] = (dvf_array *)Py_NewRef(outputs[i]);
    t->n_records++;
    for (int i = 0; i < n_outputs; i++)
        if (watch(t, r->outputs[i]) < 0) return -1;
    return 0;
}

static int record_on_all(dvf_op *op, PyObject *rule, dvf_array *const *inputs, int n,
                         PyObject *outputs, PyObject *attrs) {
    PyObject *const *out = &outputs;
    int n_outputs = 1;
    if (PyTuple_Check(outputs)) {
        out = &PyTuple_GET_ITEM(outputs, 0);
        n_outputs = (int)PyTuple_GET_SIZE(outputs);
    }
    for (dvf_tape *t = dvf_tape_top; t != NULL; t = t->below) {
        if (watches(t, inputs, n) && append(t, op, rule, inputs, n, out, n_outputs, attrs) < 0)
            return -1;
    }
    return 0;
}

int dvf_tape_record(dvf_op *op, dvf_array *const *inputs, int n, PyObject *outputs,
                    PyObject *attrs) {
    return record_on_all(op, NULL, inputs, n, outputs, attrs);
}

static void replace_in(dvf_tape *t, dvf_array *self, dvf_array *old) {
    if (slot_of(t, self) < 0) return;
    int32_t slot = slot_of(t, self);
    for (Py_ssize_t r = 0; r < t->n_records; r++) {
        record *rec = &t->records[r];
        for (int i = 0; i < rec->n_inputs + rec->n_outputs; i++) {
            if (rec->inputs[i] != self) continue; /* outputs follow the inputs */
            rec->inputs[i] = (dvf_array *)Py_NewRef((PyObject *)old);
            Py_DECREF((PyObject *)self);
        }
    }
    /* Rebuild the set with `old` under the same slot. */
    dvf_array **keys = t->keys;
    int32_t *slots = t->slots;
    Py_ssize_t n = t->n_buckets;
    t->keys = calloc((size_t)n, sizeof *keys);
    t->slots = calloc((size_t)n, sizeof *slots);
    if (t->keys == NULL || t->slots == NULL) Py_FatalError("out of memory in a gradient tape");
    for (Py_ssize_t i = 0; i < n; i++) {
        if (keys[i] == NULL) continue;
        dvf_array *key = keys[i] == self ? old : keys[i];
        size_t at = place_of(t, key);
        t->keys[at] = key;
        t->slots[at] = keys[i] == self ? slot : slots[i];
    }
    Py_INCREF((PyObject *)old);
    Py_DECREF((PyObject *)self);
    free(keys);
    free(slots);
}

void dvf_tape_replace(dvf_array *self, dvf_array *old) {
    for (dvf_tape *t = dvf_tape_top; t != NULL; t = t->below) replace_in(t, self, old);
}

/* ---- walking backwards -------------------------------------------------------------------------- */

/* grads[slot] += g, through the add op so that outer tapes see it. Steals g. */
static int accumulate(PyObject **grads, int32_t slot, PyObject *g) {
    if (grads[slot] == NULL) {
        grads[slot] = g;
        return 0;
    }
    PyObject *sum = PyNumber_Add(grads[slot], g);
    Py_DECREF(g);
    if (sum == NULL) return -1;
    Py_SETREF(grads[slot], sum);
    return 0;
}

/* A gradient must have its operand's shape and dtype: a wrong rule is named here, not downstream. */
static int check_gradient(const record *r, int i, PyObject *g) {
    dvf_array *x = r->inputs[i];
    PyObject *name = r->op != NULL ? r->op->name : Py_None;
    if (!dvf_is_array(g)) {
        PyErr_Format(PyExc_TypeError, "%S: its gradient rule %d gave %R, which is no Array", name,
                     i, g);
        return -1;
    }
    dvf_array *a = (dvf_array *)g;
    if (a->dtype == x->dtype && a->view.ndim == x->view.ndim &&
        memcmp(a->view.shape, x->view.shape, (size_t)x->view.ndim * sizeof(int64_t)) == 0)
        return 0;
    PyObject *got = PyObject_GetAttrString(g, "shape");
    PyObject *want = PyObject_GetAttrString((PyObject *)x, "shape");
    if (got != NULL && want != NULL)
        PyErr_Format(dvf_OpError,
                     "%S: its gradient rule for operand %d gave %S%S where the operand is %S%S",
                     name, i, dvf_dtypes[a->dtype].object, got, dvf_dtypes[x->dtype].object, want);
    Py_XDECREF(got);
    Py_XDECREF(want);
    return -1;
}

static int walk_compiled(const dvf_tape *t, const record *r, PyObject *g, PyObject *y,
                         PyObject **grads) {
    PyObject *inputs = PyTuple_New(r->n_inputs), *needed = PyTuple_New(r->n_inputs);
    PyObject *result = NULL;
    int failed = -1;
    if (inputs == NULL || needed == NULL) goto done;
    for (int i = 0; i < r->n_inputs; i++) {
        PyTuple_SET_ITEM(inputs, i, Py_NewRef((PyObject *)r->inputs[i]));
        PyTuple_SET_ITEM(needed, i, PyBool_FromLong(slot_of(t, r->inputs[i]) >= 0));
    }
    result = PyObject_CallFunctionObjArgs(r->rule, g, y, inputs, needed, NULL);
    if (result == NULL || !PyTuple_Check(result) || PyTuple_GET_SIZE(result) != r->n_inputs) {
        if (result != NULL)
            PyErr_SetString(PyExc_TypeError, "a rule must give one gradient per input");
        goto done;
    }
    for (int i = 0; i < r->n_inputs; i++) {
        int32_t slot = slot_of(t, r->inputs[i]);
        PyObject *gi = PyTuple_GET_ITEM(result, i);
        if (slot < 0 || gi == Py_None) continue;
        if (check_gradient(r, i, gi) < 0 || accumulate(grads, slot, Py_NewRef(gi)) < 0) goto done;
    }
    failed = 0;
done:
    Py_XDECREF(inputs);
    Py_XDECREF(needed);
    Py_XDECREF(result);
    return failed;
}

static int walk_op(const dvf_tape *t, const record *r, PyObject *g, PyObject *y, PyObject **grads) {
    PyObject *args[DVF_MAX_OPERANDS + 32];
    Py_ssize_t head = r->op->variadic ? 3 : 2, n_attrs = PyTuple_GET_SIZE(r->attrs);
    args[head - 2] = g;
    args[head - 1] = y;
    for (int i = 0; i < r->n_inputs; i++) args[head + i] = (PyObject *)r->inputs[i];
    for (Py_ssize_t i = 0; i < n_attrs; i++)
        args[head + r->n_inputs + i] = PyTuple_GET_ITEM(r->attrs, i);
    for (int i = 0; i < r->n_inputs; i++) {
        int32_t slot = slot_of(t, r->inputs[i]);
        if (slot < 0 || dvf_dtypes[r->inputs[i]->dtype].kind != DVF_KIND_FLOAT) continue;
        PyObject *rule = r->op->gradient, *index = NULL;
        if (PyTuple_Check(rule)) {
            if (i >= PyTuple_GET_SIZE(rule)) continue;
            rule = PyTuple_GET_ITEM(rule, i);
        }
        if (rule == Py_None) continue;
        if (r->op->variadic) {
            index = PyLong_FromLong(i);
            if (index == NULL) return -1;
            args[0] = index;
        }
        PyObject *gi = PyObject_Vectorcall(rule, args, (size_t)(head + r->n_inputs),
                                           n_attrs > 0 ? r->op->attributes : NULL);
        Py_XDECREF(index);
        if (gi == NULL) return -1;
        if (gi == Py_None) {
            Py_DECREF(gi);
            continue;
        }
        if (check_gradient(r, i, gi) < 0) {
            Py_DECREF(gi);
            return -1;
        }
        if (accumulate(grads, slot, gi) < 0) return -1;
    }
    return 0;
}

/* The gradient(s) that reached a record's outputs; null without error when none did. */
static PyObject *incoming(const dvf_tape *t, const record *r, PyObject **grads) {
    if (r->n_outputs == 1 && r->op != NULL) return Py_XNewRef(grads[slot_of(t, r->outputs[0])]);
    PyObject *g = PyTuple_New(r->n_outputs);
    bool any = false;
    for (int i = 0; g != NULL && i < r->n_outputs; i++) {
        PyObject *gi = grads[slot_of(t, r->outputs[i])];
        any = any || gi != NULL;
        PyTuple_SET_ITEM(g, i, Py_NewRef(gi != NULL ? gi : Py_None));
    }
    if (!any) Py_CLEAR(g);
    return g;
}

static int walk(const dvf_tape *t, PyObject **grads) {
    for (Py_ssize_t k = t->n_records - 1; k >= 0; k--) {
        const record *r = &t->records[k];
        PyObject *g = incoming(t, r, grads), *y = NULL;
        if (g == NULL) {
            if (PyErr_Occurred()) return -1;
            continue;
        }
        if (r->n_outputs == 1 && r->op != NULL) {
            y = Py_NewRef((PyObject *)r->outputs[0]);
        } else if ((y = PyTuple_New(r->n_outputs)) != NULL) {
            for (int i = 0; i < r->n_outputs; i++)
                PyTuple_SET_ITEM(y, i, Py_NewRef((PyObject *)r->outputs[i]));
        }
        int failed = y == NULL       ? -1
                     : r->op != NULL ? walk_op(t, r, g, y, grads)
                                     : walk_compiled(t, r, g, y, grads);
        Py_DECREF(g);
        Py_XDECREF(y);
        if (failed) return -1;
    }
    return 0;
}

/* A tuple with an Array or None per source. */
static PyObject *gradients(dvf_tape *t, PyObject *const *outputs, PyObject *const *cotangents,
                           Py_ssize_t n, PyObject *sources) {
    PyObject *few[64] = {NULL}, **grads = few, *result = NULL;
    if (t->n_keys > 64 && (grads = calloc((size_t)t->n_keys, sizeof *grads)) == NULL)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < n; i++) {
        int32_t slot = slot_of(t, (dvf_array *)outputs[i]);
        PyObject *g = cotangents[i];
        if (slot >= 0 && g != Py_None && accumulate(grads, slot, Py_NewRef(g)) < 0) goto done;
    }
    if (walk(t, grads) < 0) goto done;
    result = PyTuple_New(PyTuple_GET_SIZE(sources));
    for (Py_ssize_t i = 0; result != NULL && i < PyTuple_GET_SIZE(sources); i++) {
        int32_t slot = slot_of(t, (dvf_array *)PyTuple_GET_ITEM(sources, i));
        PyObject *g = slot >= 0 && grads[slot] != NULL ? grads[slot] : Py_None;
        PyTuple_SET_ITEM(result, i, Py_NewRef(g));
    }
done:
    for (Py_ssize_t i = 0; i < t->n_keys; i++) Py_XDECREF(grads[i]);
    if (grads != few) free(grads);
    return result;
}

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
    return gradients((dvf_tape *)self, &PyTuple_GET_ITEM(outputs, 0), &PyTuple_GET_ITEM(cotangents, 0),
                     n, sources);
}

/* ---- the Python object -------------------------------------------------------------------------- */

/* Tape(sources): watch these Arrays and become this thread's innermost tape. */
static PyObject *tape_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    PyObject *sources;
    if (!PyArg_ParseTuple(args, "O!", &PyTuple_Type, &sources)) return NULL;
    dvf_tape *t = (dvf_tape *)type->tp_alloc(type, 0);
    if (t == NULL) return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(sources); i++) {
        PyObject *a = PyTuple_GET_ITEM(sources, i);
        if (!dvf_is_array(a) || watch(t, (dvf_array *)a) < 0) {
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
    for (Py_ssize_t i = 0; i < t->n_records; i++) record_clear(&t->records[i]);
    for (Py_ssize_t i = 0; i < t->n_buckets; i++) Py_XDECREF((PyObject *)t->keys[i]);
    free(t->records);
    free(t->keys);
    free(t->slots);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *tape_watches(PyObject *self, PyObject *array) {
    return PyBool_FromLong(dvf_is_array(array) &&
                           slot_of((dvf_tape *)self, (dvf_array *)array) >= 0);
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
    if (record_on_all(NULL, rule, in, (int)n, outputs, NULL) < 0) return NULL;
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

/* tape_suspend() -> token: nothing is recorded on this thread until tape_resume(token). */
static PyObject *py_tape_suspend(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    PyObject *top = dvf_tape_top != NULL ? (PyObject *)dvf_tape_top : Py_NewRef(Py_None);
    dvf_tape_top = NULL; /* the stack's reference travels with the token */
    return top;
}

static PyObject *py_tape_resume(PyObject *self, PyObject *token) {
    (void)self;
    if (dvf_tape_top != NULL) {
        PyErr_SetString(PyExc_RuntimeError, "a tape started while tapes were suspended is still running");
        return NULL;
    }
    if (token != Py_None && !Py_IS_TYPE(token, tape_type)) {
        PyErr_SetString(PyExc_TypeError, "tape_resume needs what tape_suspend gave");
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
        if (!dvf_is_array(x) || dvf_dtypes[((dvf_array *)x)->dtype].kind != DVF_KIND_FLOAT) return false;
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
        PyObject *x =
            PyTuple_GET_ITEM(args[1], PyLong_AsSsize_t(PyTuple_GET_ITEM(args[3], i)));
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
    found = gradients((dvf_tape *)tape, &value, &one, 1, watched);
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
