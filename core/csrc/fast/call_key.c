/* The signature of a call of a compiled function. */
#include "call_key.h"

enum {
    TAG_ARRAY = 1,
    TAG_NUMBER,
    TAG_STATIC,
    TAG_NONE,
    TAG_TUPLE,
    TAG_LIST,
    TAG_DICT,
    TAG_OBJECT,
    TAG_KEYWORD
};

static _Thread_local int fallback; /* 0: as the environment says */

PyObject *dvf_py_get_fallback(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return PyLong_FromLong(fallback);
}

/* set_fallback(choice) -> the previous one */
PyObject *dvf_py_set_fallback(PyObject *self, PyObject *choice) {
    (void)self;
    long chosen = PyLong_AsLong(choice), before = fallback;
    if (chosen == -1 && PyErr_Occurred()) return NULL;
    fallback = (int)chosen;
    return PyLong_FromLong(before);
}

static int word(dvf_call_key *k, int64_t w) {
    if (k->n_words == DVF_CALL_WORDS) {
        PyErr_SetString(dvf_OpError, "the arguments of this compiled function hold too many parts; "
                                     "pass fewer, larger containers");
        return -1;
    }
    k->words[k->n_words++] = w;
    k->hash = (k->hash ^ (uint64_t)w) * 0x9E3779B97F4A7C15ull;
    k->hash ^= k->hash >> 32;
    return 0;
}

/* An object whose address goes into the key, and which a stored key keeps alive. */
static int address(dvf_call_key *k, PyObject *o) {
    if (k->n_keep == DVF_CALL_WORDS) return word(k, 0);
    k->keep[k->n_keep++] = o;
    return word(k, (int64_t)(intptr_t)o);
}

static int too_many(void) {
    PyErr_Format(dvf_OpError, "a compiled function takes at most %d arrays", DVF_MAX_LEAVES);
    return -1;
}

static int key_static(dvf_call_key *k, PyObject *o) {
    if (k->n_statics == DVF_MAX_LEAVES) return too_many();
    Py_hash_t h = PyObject_Hash(o);
    if (h == -1) {
        PyErr_Clear();
        PyErr_Format(PyExc_TypeError,
                     "an argument of type %.100s cannot be traced or used as a static value; pass "
                     "arrays, numbers, hashable values and containers of them",
                     Py_TYPE(o)->tp_name);
        return -1;
    }
    k->statics[k->n_statics++] = o;
    return word(k, TAG_STATIC) < 0 ? -1 : word(k, (int64_t)h);
}

static int key_value(dvf_call_key *k, PyObject *o);

static int key_array(dvf_call_key *k, dvf_array *a) {
    if (k->n_leaves == DVF_MAX_LEAVES) return too_many();
    k->leaves[k->n_leaves++] = (PyObject *)a;
    if (a->tracer != NULL) k->traced = true;
    if (word(k, TAG_ARRAY | a->dtype << 8 | a->view.ndim << 16 | (int64_t)a->weak << 32) < 0 ||
        word(k, (int64_t)(intptr_t)a->device) < 0)
        return -1;
    for (int d = 0; d < a->view.ndim; d++)
        if (word(k, a->view.shape[d]) < 0) return -1;
    return 0;
}

static int key_dataclass(dvf_call_key *k, PyObject *o, PyObject *names) {
    if (word(k, TAG_OBJECT) < 0 || address(k, (PyObject *)Py_TYPE(o)) < 0) return -1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(names); i++) {
        PyObject *value = PyObject_GetAttr(o, PyTuple_GET_ITEM(names, i));
        if (value == NULL) return -1;
        int result = key_value(k, value);
        Py_DECREF(value); /* still held by the instance, or by nobody: see below */
        if (result < 0) return -1;
    }
    return 0;
}

static int key_value(dvf_call_key *k, PyObject *o) {
    if (dvf_is_array(o)) return key_array(k, (dvf_array *)o);
    if (o == Py_None) return word(k, TAG_NONE);
    if (PyTuple_Check(o)) {
        if (word(k, TAG_TUPLE | PyTuple_GET_SIZE(o) << 8) < 0 ||
            address(k, (PyObject *)Py_TYPE(o)) < 0)
            return -1;
        for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(o); i++)
            if (key_value(k, PyTuple_GET_ITEM(o, i)) < 0) return -1;
        return 0;
    }
    if (PyList_CheckExact(o)) {
        if (word(k, TAG_LIST | PyList_GET_SIZE(o) << 8) < 0) return -1;
        for (Py_ssize_t i = 0; i < PyList_GET_SIZE(o); i++)
            if (key_value(k, PyList_GET_ITEM(o, i)) < 0) return -1;
        return 0;
    }
    if (PyDict_CheckExact(o)) {
        Py_ssize_t at = 0;
        PyObject *name, *value;
        if (word(k, TAG_DICT | PyDict_GET_SIZE(o) << 8) < 0) return -1;
        while (PyDict_Next(o, &at, &name, &value))
            if (address(k, name) < 0 || key_value(k, value) < 0) return -1;
        return 0;
    }
    if (PyBool_Check(o)) return key_static(k, o);
    if (PyLong_CheckExact(o) || PyFloat_CheckExact(o) || PyComplex_CheckExact(o)) {
        if (k->n_leaves == DVF_MAX_LEAVES) return too_many();
        k->leaves[k->n_leaves++] = o;
        return word(k, TAG_NUMBER | (PyFloat_CheckExact(o)     ? 256
                                     : PyComplex_CheckExact(o) ? 512
                                                               : 0));
    }
    if (!PyType_Check(o)) {
        PyObject *names = dvf_dataclass_fields(Py_TYPE(o));
        if (names != NULL) return key_dataclass(k, o, names);
        if (PyErr_Occurred()) return -1;
    }
    return key_static(k, o);
}

int dvf_call_key_build(dvf_call_key *k, PyObject *static_names, PyObject *const *args,
                       Py_ssize_t nargs, PyObject *kwnames) {
    k->hash = 0x8BADF00Du + (uint64_t)fallback;
    k->words[0] = fallback;
    k->n_words = 1;
    k->n_leaves = k->n_statics = k->n_keep = 0;
    k->traced = false;
    bool statics = static_names != NULL && PySet_GET_SIZE(static_names) > 0;
    for (Py_ssize_t i = 0; i < nargs; i++) {
        bool fixed = false;
        if (statics) {
            PyObject *index = PyLong_FromSsize_t(i);
            if (index == NULL) return -1;
            fixed = PySet_Contains(static_names, index) == 1;
            Py_DECREF(index);
        }
        if ((fixed ? key_static(k, args[i]) : key_value(k, args[i])) < 0) return -1;
    }
    Py_ssize_t nkw = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; i < nkw; i++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, i);
        bool fixed = statics && PySet_Contains(static_names, name) == 1;
        if (word(k, TAG_KEYWORD) < 0 || address(k, name) < 0 ||
            (fixed ? key_static(k, args[nargs + i]) : key_value(k, args[nargs + i])) < 0)
            return -1;
    }
    return 0;
}
