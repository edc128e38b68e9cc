/* Jit: a compiled Python function. The signature of a call (containers, shapes, dtypes, static values)
 * finds its plan; only a new signature runs Python. */
#include <stdlib.h>
#include <string.h>

#include "call_key.h"
#include "operand.h"
#include "plan.h"

#include <structmember.h>

typedef struct signature { /* one compiled signature */
    struct signature *next;
    uint64_t hash;
    int64_t *words;
    int n_words, n_leaves;
    PyObject *statics; /* tuple of the static leaf values of the key */
    PyObject *keep;    /* objects whose addresses are in the key */
    PyObject *plan;
    PyObject *treedef; /* of the result */
    PyObject *kept;    /* bytes: per leaf 1 when the plan reads it */
    char *mask;        /* donated, per plan input; null when none is */
    PyObject *info;    /* what transforms/jit.py wants to know about it later */
} signature;

typedef struct jit {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *function, *compile, *dict, *weakrefs;
    PyObject *static_names; /* frozenset of argument positions and names */
    signature *signatures;
    Py_ssize_t compiled;
} jit;

static signature *find(jit *j, const dvf_call_key *k) {
    for (signature *s = j->signatures; s != NULL; s = s->next) {
        if (s->hash != k->hash || s->n_words != k->n_words ||
            memcmp(s->words, k->words, (size_t)k->n_words * sizeof(int64_t)) != 0)
            continue;
        int i = 0;
        for (; i < k->n_statics; i++) {
            PyObject *a = PyTuple_GET_ITEM(s->statics, i), *b = k->statics[i];
            if (a == b) continue;
            if (Py_TYPE(a) != Py_TYPE(b) || PyObject_RichCompareBool(a, b, Py_EQ) != 1) break;
        }
        if (PyErr_Occurred()) PyErr_Clear();
        if (i == k->n_statics) return s;
    }
    return NULL;
}

static void signature_free(signature *s) {
    free(s->words);
    free(s->mask);
    Py_XDECREF(s->statics);
    Py_XDECREF(s->keep);
    Py_XDECREF(s->plan);
    Py_XDECREF(s->treedef);
    Py_XDECREF(s->kept);
    Py_XDECREF(s->info);
    free(s);
}

static PyObject *tuple_of(PyObject *const *items, int n) {
    PyObject *tuple = PyTuple_New(n);
    if (tuple == NULL) return NULL;
    for (int i = 0; i < n; i++) PyTuple_SET_ITEM(tuple, i, Py_NewRef(items[i]));
    return tuple;
}

/* answer: (plan, treedef, kept, donated mask or None, info) */
static signature *signature_new(const dvf_call_key *k, PyObject *answer) {
    signature *s = calloc(1, sizeof *s);
    PyObject *mask;
    if (s == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    if (!PyArg_ParseTuple(answer, "O!O!O!OO", dvf_plan_type, &s->plan, dvf_treedef_type,
                          &s->treedef, &PyBytes_Type, &s->kept, &mask, &s->info)) {
        free(s);
        return NULL;
    }
    Py_INCREF(s->plan);
    Py_INCREF(s->treedef);
    Py_INCREF(s->kept);
    Py_INCREF(s->info);
    s->hash = k->hash;
    s->n_words = k->n_words;
    s->n_leaves = k->n_leaves;
    s->statics = tuple_of(k->statics, k->n_statics);
    s->keep = tuple_of(k->keep, k->n_keep);
    s->words = malloc((size_t)(k->n_words + 1) * sizeof(int64_t));
    if (s->statics == NULL || s->keep == NULL || s->words == NULL) goto fail;
    memcpy(s->words, k->words, (size_t)k->n_words * sizeof(int64_t));
    if (mask != Py_None) {
        Py_ssize_t n = PyBytes_Check(mask) ? PyBytes_GET_SIZE(mask) : -1;
        s->mask = n >= 0 ? malloc((size_t)n + 1) : NULL;
        if (s->mask == NULL) goto fail;
        memcpy(s->mask, PyBytes_AS_STRING(mask), (size_t)n);
    }
    return s;
fail:
    if (!PyErr_Occurred()) PyErr_NoMemory();
    signature_free(s);
    return NULL;
}

/* The value of a call whose plan is known. */
static PyObject *run(signature *s, const dvf_call_key *k) {
    dvf_plan *plan = (dvf_plan *)s->plan;
    PyObject *few[64], **out = few;
    dvf_array *inputs[DVF_MAX_LEAVES];
    PyObject *numbers[DVF_MAX_LEAVES];
    int n = 0, n_numbers = 0;
    PyObject *result = NULL;
    const char *kept = PyBytes_AS_STRING(s->kept);
    for (int i = 0; i < k->n_leaves; i++) {
        if (!kept[i]) {
            /* Unread leaves must still be usable arrays. */
            if (dvf_is_array(k->leaves[i]) && dvf_array_check((dvf_array *)k->leaves[i]) < 0)
                goto done;
            continue;
        }
        if (dvf_is_array(k->leaves[i])) {
            inputs[n++] = (dvf_array *)k->leaves[i];
            continue;
        }
        int dtype = PyFloat_CheckExact(k->leaves[i])     ? DVF_FLOAT64
                    : PyComplex_CheckExact(k->leaves[i]) ? DVF_COMPLEX128
                                                         : DVF_INT64;
        dvf_array *a = dvf_scalar_array(k->leaves[i], dtype, plan->device);
        if (a == NULL) goto done;
        numbers[n_numbers++] = (PyObject *)a;
        inputs[n++] = a;
    }
    if (plan->n_outputs > 64) {
        out = malloc((size_t)plan->n_outputs * sizeof *out);
        if (out == NULL) {
            PyErr_NoMemory();
            goto done;
        }
    }
    if (dvf_plan_call(plan, inputs, s->mask, out) == 0) {
        result = dvf_tree_unflatten(s->treedef, out, plan->n_outputs);
        for (int i = 0; i < plan->n_outputs; i++) Py_DECREF(out[i]);
    }
    if (out != few) free(out);
done:
    for (int i = 0; i < n_numbers; i++) Py_DECREF(numbers[i]);
    return result;
}

/* hook(jit, args, kwargs) */
static PyObject *python_call(PyObject *hook, jit *j, PyObject *const *args, Py_ssize_t nargs,
                             PyObject *kwnames) {
    PyObject *tuple = tuple_of(args, (int)nargs), *kwargs = PyDict_New(), *result = NULL;
    Py_ssize_t nkw = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    for (Py_ssize_t i = 0; kwargs != NULL && i < nkw; i++)
        if (PyDict_SetItem(kwargs, PyTuple_GET_ITEM(kwnames, i), args[nargs + i]) < 0)
            Py_CLEAR(kwargs);
    if (tuple != NULL && kwargs != NULL)
        result = PyObject_CallFunctionObjArgs(hook, (PyObject *)j, tuple, kwargs, NULL);
    Py_XDECREF(tuple);
    Py_XDECREF(kwargs);
    return result;
}

static PyObject *jit_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf,
                                PyObject *kwnames) {
    jit *j = (jit *)self;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    dvf_call_key k;
    if (dvf_call_key_build(&k, j->static_names, args, nargs, kwnames) < 0) return NULL;
    bool watched = false;
    if (dvf_tape_top != NULL) {
        for (int i = 0; i < k.n_leaves && !watched; i++)
            watched = dvf_is_array(k.leaves[i]) &&
                      dvf_tape_watches((dvf_array *const *)(void *)&k.leaves[i], 1);
    }
    if (k.traced || dvf_tracing() > 0)
        return PyObject_Vectorcall(j->function, args, (size_t)nargs, kwnames);
    if (watched) return python_call(dvf_hook_call_recorded, j, args, nargs, kwnames);
    signature *s = find(j, &k);
    if (s != NULL) return run(s, &k);
    PyObject *answer = python_call(j->compile, j, args, nargs, kwnames);
    if (answer == NULL) return NULL;
    if (answer == Py_None) {
        Py_DECREF(answer);
        return python_call(dvf_hook_call_recorded, j, args, nargs, kwnames);
    }
    s = signature_new(&k, answer);
    Py_DECREF(answer);
    if (s == NULL) return NULL;
    s->next = j->signatures;
    j->signatures = s;
    j->compiled++;
    return run(s, &k);
}

/* ---- the Python object --------------------------------------------------------------------------- */

/* Jit(function, compile, static_names) */
static PyObject *jit_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    PyObject *function, *compile, *names;
    if (!PyArg_ParseTuple(args, "OOO!", &function, &compile, &PyFrozenSet_Type, &names))
        return NULL;
    jit *j = (jit *)type->tp_alloc(type, 0);
    if (j == NULL) return NULL;
    j->vectorcall = jit_vectorcall;
    j->function = Py_NewRef(function);
    j->compile = Py_NewRef(compile);
    j->static_names = Py_NewRef(names);
    j->dict = PyDict_New();
    if (j->dict == NULL) Py_CLEAR(j);
    return (PyObject *)j;
}

static int jit_traverse(PyObject *self, visitproc visit, void *arg) {
    jit *j = (jit *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(j->function);
    Py_VISIT(j->compile);
    Py_VISIT(j->dict);
    for (signature *s = j->signatures; s != NULL; s = s->next) {
        Py_VISIT(s->statics);
        Py_VISIT(s->info);
    }
    return 0;
}

static PyObject *jit_forget(PyObject *self, PyObject *unused) {
    (void)unused;
    jit *j = (jit *)self;
    while (j->signatures != NULL) {
        signature *s = j->signatures;
        j->signatures = s->next;
        signature_free(s);
    }
    j->compiled = 0;
    /* What transforms/compiled_gradient.py keeps with the function. */
    static const char *const kept[] = {"_gradient_calls", "_gradient_pairs"};
    for (int i = 0; i < 2 && j->dict != NULL; i++) {
        PyObject *name = PyUnicode_FromString(kept[i]);
        if (name == NULL) return NULL;
        int found = PyDict_Contains(j->dict, name);
        if (found == 1) found = PyDict_DelItem(j->dict, name);
        Py_DECREF(name);
        if (found < 0) return NULL;
    }
    Py_RETURN_NONE;
}

static int jit_clear(PyObject *self) {
    jit *j = (jit *)self;
    Py_XDECREF(jit_forget(self, NULL));
    Py_CLEAR(j->function);
    Py_CLEAR(j->compile);
    Py_CLEAR(j->dict);
    Py_CLEAR(j->static_names);
    return 0;
}

static void jit_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    if (((jit *)self)->weakrefs != NULL) PyObject_ClearWeakRefs(self);
    jit_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *jit_get(PyObject *self, PyObject *instance, PyObject *owner) {
    (void)owner;
    if (instance == NULL || instance == Py_None) return Py_NewRef(self);
    return PyMethod_New(self, instance);
}

/* _find(args, kwargs) -> info of the compiled signature, or None */
static PyObject *jit_find(PyObject *self, PyObject *args) {
    PyObject *positional, *keywords;
    if (!PyArg_ParseTuple(args, "O!O!", &PyTuple_Type, &positional, &PyDict_Type, &keywords))
        return NULL;
    Py_ssize_t n = PyTuple_GET_SIZE(positional), m = PyDict_GET_SIZE(keywords), at = 0, i = 0;
    PyObject **flat = PyMem_Malloc((size_t)(n + m + 1) * sizeof *flat), *name, *value;
    PyObject *names = PyTuple_New(m), *result = NULL;
    if (flat == NULL || names == NULL) {
        PyMem_Free(flat);
        Py_XDECREF(names);
        return PyErr_NoMemory();
    }
    for (; i < n; i++) flat[i] = PyTuple_GET_ITEM(positional, i);
    while (PyDict_Next(keywords, &at, &name, &value)) {
        PyTuple_SET_ITEM(names, i - n, Py_NewRef(name));
        flat[i++] = value;
    }
    dvf_call_key k;
    if (dvf_call_key_build(&k, ((jit *)self)->static_names, flat, n, names) == 0) {
        signature *s = find((jit *)self, &k);
        result = Py_NewRef(s != NULL ? s->info : Py_None);
    }
    PyMem_Free(flat);
    Py_DECREF(names);
    return result;
}

static PyMemberDef jit_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(jit, vectorcall), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(jit, dict), READONLY, NULL},
    {"__weaklistoffset__", T_PYSSIZET, offsetof(jit, weakrefs), READONLY, NULL},
    {"__wrapped__", T_OBJECT, offsetof(jit, function), READONLY, "the Python function"},
    {"_compile", T_OBJECT, offsetof(jit, compile), READONLY, "compile(jit, args, kwargs)"},
    {"_static_names", T_OBJECT, offsetof(jit, static_names), READONLY, "static arguments"},
    {"compiled", T_PYSSIZET, offsetof(jit, compiled), READONLY, "number of compiled signatures"},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef jit_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyMethodDef jit_methods[] = {
    {"forget", jit_forget, METH_NOARGS, "Drop every compiled signature."},
    {"_find", jit_find, METH_VARARGS, "What is known about the signature of a call."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot jit_slots[] = {{Py_tp_new, DVF_FN(jit_new)},
                                  {Py_tp_dealloc, DVF_FN(jit_dealloc)},
                                  {Py_tp_traverse, DVF_FN(jit_traverse)},
                                  {Py_tp_clear, DVF_FN(jit_clear)},
                                  {Py_tp_call, DVF_FN(PyVectorcall_Call)},
                                  {Py_tp_descr_get, DVF_FN(jit_get)},
                                  {Py_tp_getattro, DVF_FN(PyObject_GenericGetAttr)},
                                  {Py_tp_setattro, DVF_FN(PyObject_GenericSetAttr)},
                                  {Py_tp_members, jit_members},
                                  {Py_tp_methods, jit_methods},
                                  {Py_tp_getset, jit_getset},
                                  {0, NULL}};
static PyType_Spec jit_spec = {"dovetail._fast.Jit", sizeof(jit), 0,
                               Py_TPFLAGS_DEFAULT | Py_TPFLAGS_BASETYPE | Py_TPFLAGS_HAVE_GC |
                                   Py_TPFLAGS_HAVE_VECTORCALL | Py_TPFLAGS_METHOD_DESCRIPTOR,
                               jit_slots};

int dvf_jit_init(PyObject *module) {
    PyTypeObject *type = (PyTypeObject *)PyType_FromSpec(&jit_spec);
    if (type == NULL) return -1;
    int result = PyModule_AddObjectRef(module, "Jit", (PyObject *)type);
    Py_DECREF(type);
    return result;
}
