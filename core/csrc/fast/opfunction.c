/* OpFunction: the public callable made from an op record. Parses operands and attributes without
 * running Python, and binds as a method (x.sum(axis=0)). */
#include <stddef.h>
#include <string.h>

#include "fast.h"

#include <structmember.h>
#include "operand.h"

PyTypeObject *dvf_op_type;
PyObject *dvf_required;

#define MAX_ATTRIBUTES 16

static int unexpected(dvf_op *op, PyObject *name) {
    PyErr_Format(PyExc_TypeError, "%U() has no argument %R; it takes operands %R and attributes %R",
                 op->name, name, op->operands, op->attributes);
    return -1;
}

/* Position of a keyword in a tuple of interned names, or -1. */
static Py_ssize_t position(PyObject *names, PyObject *name) {
    Py_ssize_t n = PyTuple_GET_SIZE(names);
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyTuple_GET_ITEM(names, i) == name) return i;
    for (Py_ssize_t i = 0; i < n; i++)
        if (PyUnicode_Compare(PyTuple_GET_ITEM(names, i), name) == 0) return i;
    return -1;
}

static int put(dvf_op *op, PyObject **slot, PyObject *value, PyObject *name) {
    if (*slot != NULL) {
        PyErr_Format(PyExc_TypeError, "%U() got two values for %R", op->name, name);
        return -1;
    }
    *slot = value;
    return 0;
}

static PyObject *op_call(PyObject *self, PyObject *const *args, size_t nargsf, PyObject *kwnames) {
    dvf_op *op = (dvf_op *)self;
    Py_ssize_t nargs = PyVectorcall_NARGS(nargsf);
    Py_ssize_t nkw = kwnames != NULL ? PyTuple_GET_SIZE(kwnames) : 0;
    PyObject *attrs[MAX_ATTRIBUTES] = {NULL};
    PyObject *operands[DVF_MAX_OPERANDS] = {NULL};
    PyObject *const *given = operands;
    Py_ssize_t n = op->n_operands, first_attribute;
    if (op->variadic) {
        /* concat((a, b), axis=0) and concat(a, b, axis=0) */
        if (nargs > 0 && (PyTuple_Check(args[0]) || PyList_Check(args[0]))) {
            n = PySequence_Fast_GET_SIZE(args[0]);
            given = PySequence_Fast_ITEMS(args[0]);
            first_attribute = 1;
        } else {
            n = nargs;
            given = args;
            first_attribute = nargs;
        }
        if (n == 0) {
            PyErr_Format(dvf_OpError, "%U: needs at least one array", op->name);
            return NULL;
        }
    } else {
        first_attribute = nargs < n ? nargs : n;
        for (Py_ssize_t i = 0; i < first_attribute; i++) operands[i] = args[i];
    }
    if (nargs - first_attribute > op->n_attributes) {
        PyErr_Format(PyExc_TypeError, "%U() takes at most %zd positional arguments, not %zd",
                     op->name, n + op->n_attributes, nargs);
        return NULL;
    }
    for (Py_ssize_t i = first_attribute; i < nargs; i++) attrs[i - first_attribute] = args[i];
    for (Py_ssize_t k = 0; k < nkw; k++) {
        PyObject *name = PyTuple_GET_ITEM(kwnames, k), *value = args[nargs + k];
        Py_ssize_t at = position(op->attributes, name);
        if (at >= 0) {
            if (put(op, &attrs[at], value, name) < 0) return NULL;
            continue;
        }
        at = op->variadic ? -1 : position(op->operands, name);
        if (at < 0) {
            unexpected(op, name);
            return NULL;
        }
        if (put(op, &operands[at], value, name) < 0) return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (given[i] == NULL) {
            PyErr_Format(PyExc_TypeError, "%U() needs its operand %R", op->name,
                         PyTuple_GET_ITEM(op->operands, i));
            return NULL;
        }
    }
    for (int i = 0; i < op->n_attributes; i++) {
        if (attrs[i] != NULL) continue;
        attrs[i] = PyTuple_GET_ITEM(op->defaults, i);
        if (attrs[i] == dvf_required) {
            PyErr_Format(PyExc_TypeError, "%U() needs its attribute %R", op->name,
                         PyTuple_GET_ITEM(op->attributes, i));
            return NULL;
        }
    }
    return dvf_call_operands(op, given, (int)n, attrs);
}

/* ---- making one from a record ------------------------------------------------------------------- */

static PyObject *interned_tuple(PyObject *sequence) {
    PyObject *tuple = PySequence_Tuple(sequence);
    if (tuple == NULL) return NULL;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        PyObject *name = Py_NewRef(PyTuple_GET_ITEM(tuple, i));
        PyUnicode_InternInPlace(&name);
        PyTuple_SetItem(tuple, i, name);
    }
    return tuple;
}

/* Operand names and, for each, a byte that numbers its type variable. */
static int read_operands(dvf_op *op, PyObject *record) {
    PyObject *pairs = PyObject_GetAttrString(record, "operands");
    if (pairs == NULL) return -1;
    Py_ssize_t n = PyTuple_GET_SIZE(pairs);
    PyObject *names = PyTuple_New(n), *words = PyList_New(0);
    char groups[DVF_MAX_OPERANDS];
    int result = -1;
    if (names == NULL || words == NULL || n > DVF_MAX_OPERANDS) goto done;
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *pair = PyTuple_GET_ITEM(pairs, i);
        PyObject *name = Py_NewRef(PyTuple_GET_ITEM(pair, 0)), *word = PyTuple_GET_ITEM(pair, 1);
        if (PyUnicode_ReadChar(name, 0) == '*') {
            op->variadic = true;
            Py_SETREF(name, PyUnicode_Substring(name, 1, PyUnicode_GetLength(name)));
            if (name == NULL) goto done;
        }
        PyUnicode_InternInPlace(&name);
        PyTuple_SET_ITEM(names, i, name);
        Py_ssize_t group = PySequence_Index(words, word);
        if (group < 0) {
            PyErr_Clear();
            group = PyList_GET_SIZE(words);
            if (PyList_Append(words, word) < 0) goto done;
        }
        groups[i] = (char)group;
    }
    op->groups = PyBytes_FromStringAndSize(groups, n);
    if (op->groups == NULL) goto done;
    op->operands = Py_NewRef(names);
    op->n_operands = (int)n;
    result = 0;
done:
    Py_DECREF(pairs);
    Py_XDECREF(names);
    Py_XDECREF(words);
    return result;
}

static int read_attributes(dvf_op *op, PyObject *record) {
    PyObject *mapping = PyObject_GetAttrString(record, "attributes");
    if (mapping == NULL) return -1;
    PyObject *keys = PyMapping_Keys(mapping), *values = PyMapping_Values(mapping);
    Py_DECREF(mapping);
    if (keys != NULL && values != NULL) {
        op->attributes = interned_tuple(keys);
        op->defaults = PySequence_Tuple(values);
    }
    Py_XDECREF(keys);
    Py_XDECREF(values);
    if (op->attributes == NULL || op->defaults == NULL) return -1;
    op->n_attributes = (int)PyTuple_GET_SIZE(op->attributes);
    if (op->n_attributes > MAX_ATTRIBUTES) {
        PyErr_Format(PyExc_ValueError, "an op may have at most %d attributes", MAX_ATTRIBUTES);
        return -1;
    }
    return 0;
}

static PyObject *op_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    static uint64_t next_id = 1;
    PyObject *record;
    if (kwargs != NULL && PyDict_GET_SIZE(kwargs) > 0) {
        PyErr_SetString(PyExc_TypeError, "OpFunction(record) takes no keywords");
        return NULL;
    }
    if (!PyArg_ParseTuple(args, "O", &record)) return NULL;
    dvf_op *op = (dvf_op *)type->tp_alloc(type, 0);
    if (op == NULL) return NULL;
    op->vectorcall = op_call;
    op->record = Py_NewRef(record);
    op->id = next_id++;
    op->name = PyObject_GetAttrString(record, "name");
    op->gradient = op->name ? PyObject_GetAttrString(record, "gradient") : NULL;
    op->dict = PyDict_New();
    if (op->gradient != NULL) op->together = PyObject_HasAttrString(op->gradient, "together");
    if (op->gradient == NULL || op->dict == NULL || read_operands(op, record) < 0 ||
        read_attributes(op, record) < 0) {
        Py_DECREF(op);
        return NULL;
    }
    PyObject *decomposition = PyObject_GetAttrString(record, "decomposition");
    PyObject *doc = decomposition ? PyObject_GetAttrString(record, "doc") : NULL;
    if (doc == NULL || PyDict_SetItemString(op->dict, "__doc__", doc) < 0 ||
        PyDict_SetItemString(op->dict, "__name__", op->name) < 0 ||
        PyDict_SetItemString(op->dict, "__qualname__", op->name) < 0 ||
        PyDict_SetItemString(op->dict, "op", record) < 0) {
        Py_XDECREF(decomposition);
        Py_XDECREF(doc);
        Py_DECREF(op);
        return NULL;
    }
    op->decomposes = decomposition != Py_None;
    Py_DECREF(decomposition);
    Py_DECREF(doc);
    return (PyObject *)op;
}

static int op_traverse(PyObject *self, visitproc visit, void *arg) {
    dvf_op *op = (dvf_op *)self;
    Py_VISIT(Py_TYPE(self));
    Py_VISIT(op->record);
    Py_VISIT(op->gradient);
    Py_VISIT(op->dict);
    Py_VISIT(op->defaults);
    return 0;
}

static int op_clear(PyObject *self) {
    dvf_op *op = (dvf_op *)self;
    Py_CLEAR(op->record);
    Py_CLEAR(op->gradient);
    Py_CLEAR(op->dict);
    Py_CLEAR(op->defaults);
    Py_CLEAR(op->name);
    Py_CLEAR(op->operands);
    Py_CLEAR(op->attributes);
    Py_CLEAR(op->groups);
    return 0;
}

static void op_dealloc(PyObject *self) {
    PyTypeObject *type = Py_TYPE(self);
    PyObject_GC_UnTrack(self);
    op_clear(self);
    type->tp_free(self);
    Py_DECREF(type);
}

static PyObject *op_get(PyObject *self, PyObject *instance, PyObject *owner) {
    (void)owner;
    if (instance == NULL || instance == Py_None) return Py_NewRef(self);
    return PyMethod_New(self, instance);
}

static PyObject *op_repr(PyObject *self) {
    return PyUnicode_FromFormat("<dovetail op %U>", ((dvf_op *)self)->name);
}

static PyMemberDef op_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(dvf_op, vectorcall), READONLY, NULL},
    {"__dictoffset__", T_PYSSIZET, offsetof(dvf_op, dict), READONLY, NULL},
    {NULL, 0, 0, 0, NULL}};

static PyGetSetDef op_getset[] = {
    {"__dict__", PyObject_GenericGetDict, PyObject_GenericSetDict, NULL, NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot op_slots[] = {{Py_tp_new, DVF_FN(op_new)},
                                 {Py_tp_dealloc, DVF_FN(op_dealloc)},
                                 {Py_tp_traverse, DVF_FN(op_traverse)},
                                 {Py_tp_clear, DVF_FN(op_clear)},
                                 {Py_tp_call, DVF_FN(PyVectorcall_Call)},
                                 {Py_tp_descr_get, DVF_FN(op_get)},
                                 {Py_tp_getattro, DVF_FN(PyObject_GenericGetAttr)},
                                 {Py_tp_setattro, DVF_FN(PyObject_GenericSetAttr)},
                                 {Py_tp_repr, DVF_FN(op_repr)},
                                 {Py_tp_members, op_members},
                                 {Py_tp_getset, op_getset},
                                 {0, NULL}};

static PyType_Spec op_spec = {"dovetail._fast.OpFunction", sizeof(dvf_op), 0,
                              Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_GC | Py_TPFLAGS_HAVE_VECTORCALL |
                                  Py_TPFLAGS_METHOD_DESCRIPTOR,
                              op_slots};

int dvf_op_init(PyObject *module) {
    PyObject *records = PyImport_ImportModule("dovetail.op");
    if (records == NULL) return -1;
    dvf_required = PyObject_GetAttrString(records, "REQUIRED");
    Py_DECREF(records);
    if (dvf_required == NULL) return -1;
    dvf_op_type = (PyTypeObject *)PyType_FromSpec(&op_spec);
    if (dvf_op_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "OpFunction", (PyObject *)dvf_op_type);
}
