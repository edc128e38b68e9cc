/* Walking a tape backwards: each record's rule turns the gradient of its results into gradients of its
 * operands. Rules are written in ops, so outer tapes record the walk. */
#include <stdlib.h>
#include <string.h>

#include "tape.h"

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
static int check_gradient(const dvf_record *r, int i, PyObject *g) {
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

/* The attributes of a recorded op by name; null without error for a compiled call. */
static PyObject *attributes_of(const dvf_record *r) {
    if (r->op == NULL || PyTuple_GET_SIZE(r->attrs) == 0) return NULL;
    PyObject *dict = PyDict_New();
    for (Py_ssize_t i = 0; dict != NULL && i < PyTuple_GET_SIZE(r->attrs); i++) {
        PyObject *name = PyTuple_GET_ITEM(r->op->attributes, i);
        if (PyDict_SetItem(dict, name, PyTuple_GET_ITEM(r->attrs, i)) < 0) Py_CLEAR(dict);
    }
    return dict;
}

/* One rule for all inputs: of a compiled call, or of an op whose gradients are made together. */
static int walk_together(const dvf_tape *t, const dvf_record *r, PyObject *g, PyObject *y,
                         PyObject **grads) {
    PyObject *inputs = PyTuple_New(r->n_inputs), *needed = PyTuple_New(r->n_inputs);
    PyObject *result = NULL, *args = NULL, *words = attributes_of(r);
    PyObject *rule = r->op != NULL ? r->op->gradient : r->rule;
    int failed = -1;
    if (inputs == NULL || needed == NULL || PyErr_Occurred()) goto done;
    for (int i = 0; i < r->n_inputs; i++) {
        PyTuple_SET_ITEM(inputs, i, Py_NewRef((PyObject *)r->inputs[i]));
        PyTuple_SET_ITEM(needed, i, PyBool_FromLong(dvf_tape_slot(t, r->inputs[i]) >= 0));
    }
    args = PyTuple_Pack(4, g, y, inputs, needed);
    if (args != NULL) result = PyObject_Call(rule, args, words);
    if (result == NULL || !PyTuple_Check(result) || PyTuple_GET_SIZE(result) != r->n_inputs) {
        if (result != NULL)
            PyErr_SetString(PyExc_TypeError, "a rule must give one gradient per input");
        goto done;
    }
    for (int i = 0; i < r->n_inputs; i++) {
        int32_t slot = dvf_tape_slot(t, r->inputs[i]);
        PyObject *gi = PyTuple_GET_ITEM(result, i);
        if (slot < 0 || gi == Py_None) continue;
        if (check_gradient(r, i, gi) < 0 || accumulate(grads, slot, Py_NewRef(gi)) < 0) goto done;
    }
    failed = 0;
done:
    Py_XDECREF(args);
    Py_XDECREF(words);
    Py_XDECREF(inputs);
    Py_XDECREF(needed);
    Py_XDECREF(result);
    return failed;
}

static int walk_op(const dvf_tape *t, const dvf_record *r, PyObject *g, PyObject *y,
                   PyObject **grads) {
    PyObject *args[DVF_MAX_OPERANDS + 32];
    Py_ssize_t head = r->op->variadic ? 3 : 2, n_attrs = PyTuple_GET_SIZE(r->attrs);
    args[head - 2] = g;
    args[head - 1] = y;
    for (int i = 0; i < r->n_inputs; i++) args[head + i] = (PyObject *)r->inputs[i];
    for (Py_ssize_t i = 0; i < n_attrs; i++)
        args[head + r->n_inputs + i] = PyTuple_GET_ITEM(r->attrs, i);
    for (int i = 0; i < r->n_inputs; i++) {
        int32_t slot = dvf_tape_slot(t, r->inputs[i]);
        if (slot < 0 || !dvf_dtype_differentiable(r->inputs[i]->dtype)) continue;
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
static PyObject *incoming(const dvf_tape *t, const dvf_record *r, PyObject **grads) {
    if (r->n_outputs == 1 && r->op != NULL)
        return Py_XNewRef(grads[dvf_tape_slot(t, r->outputs[0])]);
    PyObject *g = PyTuple_New(r->n_outputs);
    bool any = false;
    for (int i = 0; g != NULL && i < r->n_outputs; i++) {
        PyObject *gi = grads[dvf_tape_slot(t, r->outputs[i])];
        any = any || gi != NULL;
        PyTuple_SET_ITEM(g, i, Py_NewRef(gi != NULL ? gi : Py_None));
    }
    if (!any) Py_CLEAR(g);
    return g;
}

static int walk(const dvf_tape *t, PyObject **grads) {
    for (Py_ssize_t k = t->n_records - 1; k >= 0; k--) {
        const dvf_record *r = &t->records[k];
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
        bool apart = r->op != NULL && !r->op->together;
        int failed = y == NULL ? -1
                     : apart   ? walk_op(t, r, g, y, grads)
                               : walk_together(t, r, g, y, grads);
        Py_DECREF(g);
        Py_XDECREF(y);
        if (failed) return -1;
    }
    return 0;
}

PyObject *dvf_tape_gradients(const dvf_tape *t, PyObject *const *outputs,
                             PyObject *const *cotangents, Py_ssize_t n, PyObject *sources) {
    PyObject *few[64] = {NULL}, **grads = few, *result = NULL;
    if (t->n_keys > 64 && (grads = calloc((size_t)t->n_keys, sizeof *grads)) == NULL)
        return PyErr_NoMemory();
    for (Py_ssize_t i = 0; i < n; i++) {
        int32_t slot = dvf_tape_slot(t, (dvf_array *)outputs[i]);
        PyObject *g = cotangents[i];
        if (slot >= 0 && g != Py_None && accumulate(grads, slot, Py_NewRef(g)) < 0) goto done;
    }
    if (walk(t, grads) < 0) goto done;
    result = PyTuple_New(PyTuple_GET_SIZE(sources));
    for (Py_ssize_t i = 0; result != NULL && i < PyTuple_GET_SIZE(sources); i++) {
        int32_t slot = dvf_tape_slot(t, (dvf_array *)PyTuple_GET_ITEM(sources, i));
        PyObject *g = slot >= 0 && grads[slot] != NULL ? grads[slot] : Py_None;
        PyTuple_SET_ITEM(result, i, Py_NewRef(g));
    }
done:
    for (Py_ssize_t i = 0; i < t->n_keys; i++) Py_XDECREF(grads[i]);
    if (grads != few) free(grads);
    return result;
}
