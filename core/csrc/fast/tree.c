/* Containers of arrays: tuple, list, dict, None, namedtuple and dataclass instances become a flat list
 * of leaves and a TreeDef that puts them back. Everything else is a leaf. */
#include <stdlib.h>
#include <string.h>

#include "fast.h"

typedef enum { LEAF, NONE, TUPLE, LIST, DICT, NAMEDTUPLE, DATACLASS } node_kind;

typedef struct treedef {
    PyObject_HEAD node_kind kind;
    PyObject *type;     /* namedtuple and dataclass: the class */
    PyObject *keys;     /* dict: tuple of keys in order; dataclass: tuple of field names */
    PyObject *children; /* tuple of TreeDef */
    Py_ssize_t leaves;
} treedef;

PyTypeObject *dvf_treedef_type;
static PyObject *field_names; /* dict: dataclass type -> tuple of names */
static treedef *leaf_def, *none_def;

PyObject *dvf_dataclass_fields(PyTypeObject *type) {
    /* A dtype is a value: static under jit, a leaf elsewhere. */
    if (dvf_dtypes[0].object != NULL && type == Py_TYPE(dvf_dtypes[0].object)) return NULL;
    PyObject *known = PyDict_GetItemWithError(field_names, (PyObject *)type);
    if (known != NULL || PyErr_Occurred()) return known;
    PyObject *fields = PyObject_GetAttrString((PyObject *)type, "__dataclass_fields__");
    if (fields == NULL) {
        PyErr_Clear();
        return NULL;
    }
    PyObject *names = PySequence_Tuple(fields); /* a dict: iteration gives its keys */
    Py_DECREF(fields);
    if (names == NULL || PyDict_SetItem(field_names, (PyObject *)type, names) < 0) {
        Py_XDECREF(names);
        return NULL;
    }
    Py_DECREF(names);
    return PyDict_GetItemWithError(field_names, (PyObject *)type);
}

static bool is_namedtuple(PyObject *o) {
    return PyTuple_Check(o) && !PyTuple_CheckExact(o) && PyObject_HasAttrString(o, "_fields");
}

static treedef *node(node_kind kind, PyObject *type, PyObject *keys, PyObject *children) {
    treedef *d = PyObject_New(treedef, dvf_treedef_type);
    if (d == NULL) {
        Py_XDECREF(keys);
        Py_XDECREF(children);
        return NULL;
    }
    d->kind = kind;
    d->type = Py_XNewRef(type);
    d->keys = keys;
    d->children = children;
    d->leaves = kind == LEAF;
    for (Py_ssize_t i = 0; children != NULL && i < PyTuple_GET_SIZE(children); i++)
        d->leaves += ((treedef *)PyTuple_GET_ITEM(children, i))->leaves;
    return d;
}

static int flatten(PyObject *o, PyObject *leaves, treedef **out);

/* Flatten n values into a tuple of TreeDefs; get(o, i) gives a borrowed or new value. */
static PyObject *flatten_sequence(PyObject *const *items, Py_ssize_t n, PyObject *leaves) {
    PyObject *children = PyTuple_New(n);
    for (Py_ssize_t i = 0; children != NULL && i < n; i++) {
        treedef *child;
        if (flatten(items[i], leaves, &child) < 0) {
            Py_CLEAR(children);
        } else {
            PyTuple_SET_ITEM(children, i, (PyObject *)child);
        }
    }
    return children;
}

static int flatten_dataclass(PyObject *o, PyObject *names, PyObject *leaves, treedef **out) {
    PyObject *children = PyTuple_New(PyTuple_GET_SIZE(names));
    for (Py_ssize_t i = 0; children != NULL && i < PyTuple_GET_SIZE(names); i++) {
        PyObject *value = PyObject_GetAttr(o, PyTuple_GET_ITEM(names, i));
        treedef *child = NULL;
        if (value == NULL || flatten(value, leaves, &child) < 0) {
            Py_XDECREF(value);
            Py_CLEAR(children);
            break;
        }
        Py_DECREF(value);
        PyTuple_SET_ITEM(children, i, (PyObject *)child);
    }
    if (children == NULL) return -1;
    *out = node(DATACLASS, (PyObject *)Py_TYPE(o), Py_NewRef(names), children);
    return *out != NULL ? 0 : -1;
}

static int flatten_dict(PyObject *o, PyObject *leaves, treedef **out) {
    Py_ssize_t n = PyDict_GET_SIZE(o), at = 0, i = 0;
    PyObject *keys = PyTuple_New(n), *children = PyTuple_New(n), *key, *value;
    if (keys == NULL || children == NULL) goto fail;
    while (PyDict_Next(o, &at, &key, &value)) {
        treedef *child;
        PyTuple_SET_ITEM(keys, i, Py_NewRef(key));
        if (flatten(value, leaves, &child) < 0) goto fail;
        PyTuple_SET_ITEM(children, i++, (PyObject *)child);
    }
    *out = node(DICT, NULL, keys, children);
    return *out != NULL ? 0 : -1;
fail:
    Py_XDECREF(keys);
    Py_XDECREF(children);
    return -1;
}

static int flatten(PyObject *o, PyObject *leaves, treedef **out) {
    if (dvf_is_array(o)) {
        *out = (treedef *)Py_NewRef((PyObject *)leaf_def);
        return PyList_Append(leaves, o);
    }
    if (o == Py_None) {
        *out = (treedef *)Py_NewRef((PyObject *)none_def);
        return 0;
    }
    PyObject *children, *names;
    if (PyTuple_CheckExact(o) || is_namedtuple(o)) {
        children = flatten_sequence(&PyTuple_GET_ITEM(o, 0), PyTuple_GET_SIZE(o), leaves);
        if (children == NULL) return -1;
        bool plain = PyTuple_CheckExact(o);
        *out =
            node(plain ? TUPLE : NAMEDTUPLE, plain ? NULL : (PyObject *)Py_TYPE(o), NULL, children);
        return *out != NULL ? 0 : -1;
    }
    if (PyList_CheckExact(o)) {
        children = flatten_sequence(PySequence_Fast_ITEMS(o), PyList_GET_SIZE(o), leaves);
        if (children == NULL) return -1;
        *out = node(LIST, NULL, NULL, children);
        return *out != NULL ? 0 : -1;
    }
    if (PyDict_CheckExact(o)) return flatten_dict(o, leaves, out);
    if (!PyType_Check(o) && (names = dvf_dataclass_fields(Py_TYPE(o))) != NULL)
        return flatten_dataclass(o, names, leaves, out);
    if (PyErr_Occurred()) return -1;
    *out = (treedef *)Py_NewRef((PyObject *)leaf_def);
    return PyList_Append(leaves, o);
}

int dvf_tree_flatten(PyObject *object, PyObject *leaves, PyObject **out) {
    if (Py_EnterRecursiveCall(" while flattening a container")) return -1;
    int result = flatten(object, leaves, (treedef **)(void *)out);
    Py_LeaveRecursiveCall();
    return result;
}

/* ---- and back ------------------------------------------------------------------------------------ */

static PyObject *build(treedef *d, PyObject *const **leaves);

static PyObject *build_dataclass(treedef *d, PyObject *const **leaves) {
    /* Fields are set directly, so that __post_init__ never meets traced or missing values. */
    PyTypeObject *type = (PyTypeObject *)d->type;
    PyObject *empty = PyTuple_New(0);
    PyObject *o = empty ? type->tp_new(type, empty, NULL) : NULL;
    Py_XDECREF(empty);
    for (Py_ssize_t i = 0; o != NULL && i < PyTuple_GET_SIZE(d->keys); i++) {
        PyObject *value = build((treedef *)PyTuple_GET_ITEM(d->children, i), leaves);
        if (value == NULL || PyObject_GenericSetAttr(o, PyTuple_GET_ITEM(d->keys, i), value) < 0)
            Py_CLEAR(o);
        Py_XDECREF(value);
    }
    return o;
}

static PyObject *build(treedef *d, PyObject *const **leaves) {
    if (d->kind == LEAF) return Py_NewRef(*(*leaves)++);
    if (d->kind == NONE) Py_RETURN_NONE;
    if (d->kind == DATACLASS) return build_dataclass(d, leaves);
    Py_ssize_t n = PyTuple_GET_SIZE(d->children);
    PyObject *o = d->kind == DICT ? PyDict_New() : d->kind == LIST ? PyList_New(n) : PyTuple_New(n);
    for (Py_ssize_t i = 0; o != NULL && i < n; i++) {
        PyObject *value = build((treedef *)PyTuple_GET_ITEM(d->children, i), leaves);
        if (value == NULL) {
            Py_CLEAR(o);
        } else if (d->kind == LIST) {
            PyList_SET_ITEM(o, i, value);
        } else if (d->kind != DICT) {
            PyTuple_SET_ITEM(o, i, value);
        } else {
            if (PyDict_SetItem(o, PyTuple_GET_ITEM(d->keys, i), value) < 0) Py_CLEAR(o);
            Py_DECREF(value);
        }
    }
    if (o != NULL && d->kind == NAMEDTUPLE) {
        PyObject *named = PyObject_CallMethod(d->type, "_make", "(O)", o);
        Py_DECREF(o);
        return named;
    }
    return o;
}

PyObject *dvf_tree_unflatten(PyObject *def, PyObject *const *leaves, Py_ssize_t n) {
    treedef *d = (treedef *)def;
    if (n != d->leaves) {
        PyErr_Format(PyExc_ValueError, "this container holds %zd leaves, not %zd", d->leaves, n);
        return NULL;
    }
    return build(d, &leaves);
}

/* ---- flattening like another ---------------------------------------------------------------------- */

static int mismatch(const char *path, treedef *d, PyObject *o) {
    static const char *const names[] = {"a leaf", "None",         "a tuple",    "a list",
                                        "a dict", "a namedtuple", "a dataclass"};
    PyErr_Format(PyExc_ValueError, "the containers differ at %s: one holds %s, the other %.100s%s",
                 path[0] ? path : "the top", names[d->kind], Py_TYPE(o)->tp_name,
                 d->kind == DICT || d->kind == TUPLE || d->kind == LIST
                     ? " (or other keys or another length)"
                     : "");
    return -1;
}

static int flatten_like(treedef *d, PyObject *o, PyObject *leaves, const char *path) {
    if (d->kind == LEAF) return PyList_Append(leaves, o);
    if (d->kind == NONE) return o == Py_None ? 0 : mismatch(path, d, o);
    Py_ssize_t n = PyTuple_GET_SIZE(d->children);
    bool fits =
        (d->kind == TUPLE && PyTuple_Check(o) && PyTuple_GET_SIZE(o) == n) ||
        (d->kind == LIST && PyList_Check(o) && PyList_GET_SIZE(o) == n) ||
        (d->kind == DICT && PyDict_Check(o) && PyDict_GET_SIZE(o) == n) ||
        ((d->kind == NAMEDTUPLE || d->kind == DATACLASS) && (PyObject *)Py_TYPE(o) == d->type);
    if (!fits) return mismatch(path, d, o);
    for (Py_ssize_t i = 0; i < n; i++) {
        PyObject *value = NULL, *label = NULL;
        if (d->kind == DICT) {
            label = PyObject_Repr(PyTuple_GET_ITEM(d->keys, i));
            value = Py_XNewRef(PyDict_GetItemWithError(o, PyTuple_GET_ITEM(d->keys, i)));
        } else if (d->kind == DATACLASS) {
            label = Py_NewRef(PyTuple_GET_ITEM(d->keys, i));
            value = PyObject_GetAttr(o, label);
        } else {
            label = PyUnicode_FromFormat("%zd", i);
            value = PySequence_GetItem(o, i);
        }
        int failed = -1;
        if (value != NULL && label != NULL) {
            PyObject *below = PyUnicode_FromFormat("%s[%U]", path, label);
            if (below != NULL)
                failed = flatten_like((treedef *)PyTuple_GET_ITEM(d->children, i), value, leaves,
                                      PyUnicode_AsUTF8(below));
            Py_XDECREF(below);
        } else if (!PyErr_Occurred()) {
            mismatch(path, d, o);
        }
        Py_XDECREF(value);
        Py_XDECREF(label);
        if (failed) return -1;
    }
    return 0;
}

/* ---- Python functions ----------------------------------------------------------------------------- */

PyObject *dvf_py_tree_flatten(PyObject *self, PyObject *object) {
    (void)self;
    PyObject *leaves = PyList_New(0), *def = NULL;
    if (leaves == NULL) return NULL;
    if (dvf_tree_flatten(object, leaves, &def) < 0) {
        Py_DECREF(leaves);
        return NULL;
    }
    return Py_BuildValue("(NN)", leaves, def);
}

PyObject *dvf_py_tree_unflatten(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *def, *leaves;
    if (!PyArg_ParseTuple(args, "O!O", dvf_treedef_type, &def, &leaves)) return NULL;
    PyObject *fast = PySequence_Fast(leaves, "leaves must be a sequence");
    if (fast == NULL) return NULL;
    PyObject *result =
        dvf_tree_unflatten(def, PySequence_Fast_ITEMS(fast), PySequence_Fast_GET_SIZE(fast));
    Py_DECREF(fast);
    return result;
}

/* tree_flatten_up_to(treedef, object) -> leaves of object at the places of treedef's leaves */
PyObject *dvf_py_tree_flatten_up_to(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *def, *object;
    if (!PyArg_ParseTuple(args, "O!O", dvf_treedef_type, &def, &object)) return NULL;
    PyObject *leaves = PyList_New(0);
    if (leaves != NULL && flatten_like((treedef *)def, object, leaves, "") < 0) Py_CLEAR(leaves);
    return leaves;
}

static void treedef_dealloc(PyObject *self) {
    treedef *d = (treedef *)self;
    PyTypeObject *type = Py_TYPE(self);
    Py_XDECREF(d->type);
    Py_XDECREF(d->keys);
    Py_XDECREF(d->children);
    PyObject_Free(self);
    Py_DECREF(type);
}

static int equal(treedef *a, treedef *b) {
    if (a == b) return 1;
    if (a->kind != b->kind || a->type != b->type || a->leaves != b->leaves) return 0;
    if (a->keys != NULL) {
        int same = PyObject_RichCompareBool(a->keys, b->keys, Py_EQ);
        if (same != 1) return same;
    }
    if (a->children == NULL || b->children == NULL) return a->children == b->children;
    Py_ssize_t n = PyTuple_GET_SIZE(a->children);
    if (PyTuple_GET_SIZE(b->children) != n) return 0;
    for (Py_ssize_t i = 0; i < n; i++) {
        int same = equal((treedef *)PyTuple_GET_ITEM(a->children, i),
                         (treedef *)PyTuple_GET_ITEM(b->children, i));
        if (same != 1) return same;
    }
    return 1;
}

static PyObject *treedef_compare(PyObject *a, PyObject *b, int operation) {
    if (Py_TYPE(a) != dvf_treedef_type || Py_TYPE(b) != dvf_treedef_type ||
        (operation != Py_EQ && operation != Py_NE))
        Py_RETURN_NOTIMPLEMENTED;
    int same = equal((treedef *)a, (treedef *)b);
    if (same < 0) return NULL;
    return PyBool_FromLong(operation == Py_EQ ? same : !same);
}

static Py_hash_t treedef_hash(PyObject *self) {
    treedef *d = (treedef *)self;
    Py_uhash_t h = (Py_uhash_t)d->kind * 1000003u + (Py_uhash_t)d->leaves;
    if (d->keys != NULL) {
        Py_hash_t k = PyObject_Hash(d->keys);
        if (k == -1) return -1;
        h = h * 31u + (Py_uhash_t)k;
    }
    for (Py_ssize_t i = 0; d->children != NULL && i < PyTuple_GET_SIZE(d->children); i++) {
        Py_hash_t c = treedef_hash(PyTuple_GET_ITEM(d->children, i));
        if (c == -1) return -1;
        h = h * 1000003u + (Py_uhash_t)c;
    }
    return (Py_hash_t)h == -1 ? -2 : (Py_hash_t)h;
}

static PyObject *treedef_repr(PyObject *self) {
    treedef *d = (treedef *)self;
    PyObject *stars = PyTuple_New(d->leaves), *star = PyUnicode_FromString("*");
    PyObject *value = NULL, *text = NULL;
    for (Py_ssize_t i = 0; stars != NULL && star != NULL && i < d->leaves; i++)
        PyTuple_SET_ITEM(stars, i, Py_NewRef(star));
    if (stars != NULL && star != NULL)
        value = dvf_tree_unflatten(self, &PyTuple_GET_ITEM(stars, 0), d->leaves);
    if (value != NULL) text = PyUnicode_FromFormat("TreeDef(%R)", value);
    Py_XDECREF(stars);
    Py_XDECREF(star);
    Py_XDECREF(value);
    return text;
}

static PyObject *treedef_leaves(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromSsize_t(((treedef *)self)->leaves);
}

static PyObject *treedef_children(PyObject *self, void *closure) {
    (void)closure;
    PyObject *children = ((treedef *)self)->children;
    return children != NULL ? Py_NewRef(children) : PyTuple_New(0);
}

static PyObject *treedef_keys(PyObject *self, void *closure) {
    (void)closure;
    PyObject *keys = ((treedef *)self)->keys;
    return Py_NewRef(keys != NULL ? keys : Py_None);
}

static PyObject *treedef_kind(PyObject *self, void *closure) {
    (void)closure;
    static const char *const names[] = {"leaf", "none",       "tuple",    "list",
                                        "dict", "namedtuple", "dataclass"};
    return PyUnicode_FromString(names[((treedef *)self)->kind]);
}

static PyGetSetDef treedef_getset[] = {
    {"leaves", treedef_leaves, NULL, "Number of leaves.", NULL},
    {"children", treedef_children, NULL, "Tuple of TreeDefs.", NULL},
    {"keys", treedef_keys, NULL, "Keys of a dict, field names of a dataclass, or None.", NULL},
    {"kind", treedef_kind, NULL, "leaf none tuple list dict namedtuple dataclass.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};

static PyType_Slot treedef_slots[] = {{Py_tp_dealloc, DVF_FN(treedef_dealloc)},
                                      {Py_tp_richcompare, DVF_FN(treedef_compare)},
                                      {Py_tp_hash, DVF_FN(treedef_hash)},
                                      {Py_tp_repr, DVF_FN(treedef_repr)},
                                      {Py_tp_getset, treedef_getset},
                                      {Py_tp_doc, "The shape of a container of leaves."},
                                      {0, NULL}};

static PyType_Spec treedef_spec = {"dovetail._fast.TreeDef", sizeof(treedef), 0,
                                   Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                   treedef_slots};

static PyMethodDef functions[] = {
    {"tree_flatten", dvf_py_tree_flatten, METH_O, "tree_flatten(object) -> (leaves, treedef)"},
    {"tree_unflatten", dvf_py_tree_unflatten, METH_VARARGS, "tree_unflatten(treedef, leaves)"},
    {"tree_flatten_up_to", dvf_py_tree_flatten_up_to, METH_VARARGS,
     "tree_flatten_up_to(treedef, object) -> leaves"},
    {NULL, NULL, 0, NULL}};

int dvf_tree_init(PyObject *module) {
    dvf_treedef_type = (PyTypeObject *)PyType_FromSpec(&treedef_spec);
    field_names = PyDict_New();
    if (dvf_treedef_type == NULL || field_names == NULL) return -1;
    leaf_def = node(LEAF, NULL, NULL, NULL);
    none_def = node(NONE, NULL, NULL, NULL);
    if (leaf_def == NULL || none_def == NULL) return -1;
    if (PyModule_AddFunctions(module, functions) < 0) return -1;
    return PyModule_AddObjectRef(module, "TreeDef", (PyObject *)dvf_treedef_type);
}
