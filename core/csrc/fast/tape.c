/* The gradient tape. Each active tape knows which Arrays depend on what it watches; an op that reads
 * one of them is recorded on it. The backward walk calls the op records' rules, which are written in
 * ops, so outer tapes record the walk: gradients nest. */
#include <stdlib.h>
#include <string.h>

#include "tape.h"

_Thread_local struct dvf_tape *dvf_tape_top;

/* ---- the set of watched arrays ------------------------------------------------------------------ */

static size_t place_of(const dvf_tape *t, const dvf_array *a) {
    size_t mask = (size_t)t->n_buckets - 1;
    size_t at = (size_t)(((uintptr_t)a >> 4) * 0x9E3779B97F4A7C15ull >> 32) & mask;
    while (t->keys[at] != NULL && t->keys[at] != a) at = (at + 1) & mask;
    return at;
}

int32_t dvf_tape_slot(const dvf_tape *t, const dvf_array *a) {
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

int dvf_tape_watch(dvf_tape *t, dvf_array *a) {
    if (2 * (t->n_keys + 1) > t->n_buckets && grow(t) < 0) return -1;
    size_t at = place_of(t, a);
    if (t->keys[at] != NULL) return 0;
    t->keys[at] = (dvf_array *)Py_NewRef((PyObject *)a);
    t->slots[at] = (int32_t)t->n_keys++;
    return 0;
}

static bool watches(const dvf_tape *t, dvf_array *const *inputs, int n) {
    for (int i = 0; i < n; i++)
        if (dvf_dtype_differentiable(inputs[i]->dtype) && dvf_tape_slot(t, inputs[i]) >= 0)
            return true;
    return false;
}

bool dvf_tape_chain_watches(const dvf_tape *top, dvf_array *const *inputs, int n) {
    for (const dvf_tape *t = top; t != NULL; t = t->below)
        if (watches(t, inputs, n)) return true;
    return false;
}

bool dvf_tape_watches(dvf_array *const *inputs, int n) {
    return dvf_tape_chain_watches(dvf_tape_top, inputs, n);
}

/* ---- recording ---------------------------------------------------------------------------------- */

void dvf_record_clear(dvf_record *r) {
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
        dvf_record *records = realloc(t->records, (size_t)room * sizeof *records);
        if (records == NULL) {
            PyErr_NoMemory();
            return -1;
        }
        t->records = records;
        t->room = room;
    }
    dvf_record *r = &t->records[t->n_records];
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
        if (dvf_tape_watch(t, r->outputs[i]) < 0) return -1;
    return 0;
}

int dvf_tape_append(dvf_op *op, PyObject *rule, dvf_array *const *inputs, int n, PyObject *outputs,
                    PyObject *attrs) {
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
    return dvf_tape_append(op, NULL, inputs, n, outputs, attrs);
}

static void replace_in(dvf_tape *t, dvf_array *self, dvf_array *old) {
    if (dvf_tape_slot(t, self) < 0) return;
    int32_t slot = dvf_tape_slot(t, self);
    for (Py_ssize_t r = 0; r < t->n_records; r++) {
        dvf_record *rec = &t->records[r];
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
