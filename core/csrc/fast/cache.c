/* The kernel cache. A bounded chained hash table; entries are counted because a running call may
 * outlive their place in the table. */
#include "cache.h"

#include <stdlib.h>
#include <string.h>

#define BUCKETS 4096
#define LIMIT 32768

static dvf_entry *buckets[BUCKETS];
static Py_ssize_t count;
static dvf_entry *uncached; /* the latest entry whose key could not be kept */

static uint64_t mix(uint64_t h, uint64_t word) {
    h ^= word;
    h *= 0x9E3779B97F4A7C15ull;
    return h ^ (h >> 32);
}

/* Equal for caching: same type and value; floats by bits, so that 0.0 and -0.0 differ. */
static bool same_attribute(PyObject *a, PyObject *b) {
    if (a == b) return true;
    if (Py_TYPE(a) != Py_TYPE(b)) return false;
    if (PyFloat_CheckExact(a)) {
        double x = PyFloat_AS_DOUBLE(a), y = PyFloat_AS_DOUBLE(b);
        return memcmp(&x, &y, sizeof x) == 0;
    }
    if (PyComplex_CheckExact(a)) {
        Py_complex x = PyComplex_AsCComplex(a), y = PyComplex_AsCComplex(b);
        return memcmp(&x, &y, sizeof x) == 0;
    }
    if (PyTuple_CheckExact(a)) {
        Py_ssize_t n = PyTuple_GET_SIZE(a);
        if (PyTuple_GET_SIZE(b) != n) return false;
        for (Py_ssize_t i = 0; i < n; i++)
            if (!same_attribute(PyTuple_GET_ITEM(a, i), PyTuple_GET_ITEM(b, i))) return false;
        return true;
    }
    int equal = PyObject_RichCompareBool(a, b, Py_EQ);
    if (equal < 0) PyErr_Clear(); /* incomparable values are different values */
    return equal == 1;
}

static int key_attribute(dvf_key *key, int i, PyObject *value) {
    key->owned[i] = NULL;
    if (PyList_Check(value)) {
        value = key->owned[i] = PyList_AsTuple(value);
        if (value == NULL) return -1;
    }
    key->attrs[i] = value;
    if (value == Py_None || PyBool_Check(value)) { /* singletons: their address is their value */
        key->hash = mix(key->hash, (uint64_t)(uintptr_t)value);
        return 0;
    }
    Py_hash_t hash = PyObject_Hash(value);
    if (hash == -1) {
        PyErr_Clear();
        PyErr_Format(dvf_OpError,
                     "%U: the attribute %R is of type %.100s; attributes are numbers, "
                     "strings, dtypes and tuples of them",
                     key->op->name, PyTuple_GET_ITEM(key->op->attributes, i),
                     Py_TYPE(value)->tp_name);
        return -1;
    }
    key->hash = mix(key->hash, (uint64_t)hash);
    return 0;
}

int dvf_key_build(dvf_key *key, dvf_op *op, dvf_device *device, dvf_array *const *inputs, int n,
                  PyObject *const *attrs) {
    int w = 0;
    key->op = op;
    key->device = device;
    key->n_attrs = 0;
    key->cacheable = true;
    uint64_t h = mix(op->id, (uint64_t)(uintptr_t)device);
    for (int i = 0; i < n && key->cacheable; i++) {
        const dvf_array *a = inputs[i];
        int ndim = a->view.ndim;
        if (w + 1 + 2 * ndim > DVF_KEY_WORDS) {
            key->cacheable = false;
            break;
        }
        key->words[w] = a->dtype | ndim << 8 | (int)a->contiguous << 16;
        h = mix(h, (uint64_t)key->words[w++]);
        for (int d = 0; d < ndim; d++) {
            key->words[w] = a->view.shape[d];
            h = mix(h, (uint64_t)key->words[w++]);
        }
        for (int d = 0; d < ndim && !a->contiguous; d++) {
            key->words[w] = a->view.strides[d];
            h = mix(h, (uint64_t)key->words[w++]);
        }
    }
    key->n_words = w;
    key->hash = h;
    for (int i = 0; i < op->n_attributes; i++) {
        if (key_attribute(key, i, attrs[i]) < 0) {
            dvf_key_clear(key);
            return -1;
        }
        key->n_attrs = i + 1;
    }
    return 0;
}

void dvf_key_clear(dvf_key *key) {
    for (int i = 0; i < key->n_attrs; i++) Py_CLEAR(key->owned[i]);
}

dvf_entry *dvf_cache_find(const dvf_key *key) {
    if (!key->cacheable) return NULL;
    for (dvf_entry *e = buckets[key->hash % BUCKETS]; e != NULL; e = e->next) {
        if (e->hash != key->hash || e->op != key->op || e->device != key->device ||
            e->n_words != key->n_words ||
            memcmp(e->words, key->words, (size_t)key->n_words * sizeof(int64_t)) != 0)
            continue;
        int i = 0;
        while (i < key->n_attrs && same_attribute(PyTuple_GET_ITEM(e->attrs, i), key->attrs[i]))
            i++;
        if (i == key->n_attrs) return e;
    }
    return NULL;
}

void dvf_entry_release(dvf_entry *e) {
    if (--e->references > 0) return;
    for (int i = 0; i < e->n_results; i++) free(e->results[i].shape);
    free(e->words);
    Py_XDECREF(e->attrs);
    Py_XDECREF(e->canonical);
    Py_XDECREF((PyObject *)e->kernel);
    Py_XDECREF(e->function);
    Py_XDECREF(e->casts);
    Py_XDECREF(e->shapes);
    Py_XDECREF((PyObject *)e->op);
    free(e);
}

/* clear_cache(): forget every resolution (settings, devices or kernels changed). */
PyObject *dvf_py_clear_cache(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    for (int i = 0; i < BUCKETS; i++) {
        dvf_entry *e = buckets[i];
        buckets[i] = NULL;
        while (e != NULL) {
            dvf_entry *next = e->next;
            dvf_entry_release(e);
            e = next;
        }
    }
    count = 0;
    Py_RETURN_NONE;
}

PyObject *dvf_py_cache_size(PyObject *self, PyObject *unused) {
    (void)self;
    (void)unused;
    return PyLong_FromSsize_t(count);
}

/* ---- reading resolve's answer ------------------------------------------------------------------- */

static int read_extents(PyObject *tuple, int64_t *out, int ndim) {
    if (!PyTuple_Check(tuple) || PyTuple_GET_SIZE(tuple) != ndim) {
        PyErr_SetString(PyExc_TypeError, "shapes and strides must be tuples of equal length");
        return -1;
    }
    for (int d = 0; d < ndim; d++) {
        out[d] = PyLong_AsLongLong(PyTuple_GET_ITEM(tuple, d));
        if (out[d] == -1 && PyErr_Occurred()) return -1;
    }
    return 0;
}

/* (dtype, shape) or (dtype, shape, strides) */
static int read_result(dvf_result *r, PyObject *dtype, PyObject *shape, PyObject *strides) {
    r->dtype = dvf_dtype_index(dtype);
    if (r->dtype < 0) return -1;
    Py_ssize_t ndim = PyTuple_Check(shape) ? PyTuple_GET_SIZE(shape) : -1;
    if (ndim < 0 || ndim > DVF_MAX_NDIM) {
        PyErr_Format(dvf_OpError, "a result with %zd axes; arrays have at most %d", ndim,
                     DVF_MAX_NDIM);
        return -1;
    }
    r->ndim = (int)ndim;
    r->shape = malloc((size_t)(2 * ndim + 1) * sizeof(int64_t));
    if (r->shape == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    if (read_extents(shape, r->shape, r->ndim) < 0) return -1;
    if (strides != NULL && read_extents(strides, r->shape + ndim, r->ndim) < 0) return -1;
    uint64_t size = dvf_dtypes[r->dtype].itemsize;
    for (int d = 0; d < r->ndim; d++) {
        if (r->shape[d] < 0 || __builtin_mul_overflow(size, (uint64_t)r->shape[d], &size) ||
            size > INT64_MAX) {
            PyErr_Format(dvf_OpError,
                         "a result of shape %R needs more bytes than any memory has; check the "
                         "extents",
                         shape);
            return -1;
        }
    }
    r->size = size;
    return 0;
}

static int read_kernel(dvf_entry *e, PyObject *answer) { /* kernel, results, canonical */
    PyObject *kernel = PyTuple_GetItem(answer, 1), *results = PyTuple_GetItem(answer, 2);
    if (results == NULL) return -1;
    if (!PyObject_TypeCheck(kernel, dvf_kernel_type) || !PyTuple_Check(results) ||
        PyTuple_GET_SIZE(results) > DVF_MAX_RESULTS) {
        PyErr_SetString(PyExc_TypeError, "resolve gave no kernel with at most 8 results");
        return -1;
    }
    e->kernel = (dvf_kernel *)Py_NewRef(kernel);
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(results); i++) {
        PyObject *dtype, *shape;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(results, i), "OO", &dtype, &shape)) return -1;
        e->n_results = (int)i + 1;
        if (read_result(&e->results[i], dtype, shape, NULL) < 0) return -1;
    }
    e->canonical = Py_XNewRef(PyTuple_GetItem(answer, 3));
    return e->canonical != NULL ? 0 : -1;
}

static int read_answer(dvf_entry *e, PyObject *answer) {
    const char *kind = PyTuple_Check(answer) && PyTuple_GET_SIZE(answer) > 0
                           ? PyUnicode_AsUTF8(PyTuple_GET_ITEM(answer, 0))
                           : NULL;
    if (kind == NULL) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "resolve must give a tuple");
        return -1;
    }
    if (strcmp(kind, "kernel") == 0) {
        e->kind = DVF_ENTRY_KERNEL;
        return read_kernel(e, answer);
    }
    PyObject *unused, *dtype, *shape, *strides;
    if (strcmp(kind, "view") == 0) {
        long long offset;
        e->kind = DVF_ENTRY_VIEW;
        e->n_results = 1;
        if (!PyArg_ParseTuple(answer, "OOOOLO", &unused, &dtype, &shape, &strides, &offset,
                              &e->canonical))
            return -1;
        e->offset = offset;
        Py_INCREF(e->canonical);
        return read_result(&e->results[0], dtype, shape, strides);
    }
    if (strcmp(kind, "promote") == 0) {
        e->kind = DVF_ENTRY_PROMOTE;
        if (!PyArg_ParseTuple(answer, "OO!O!", &unused, &PyTuple_Type, &e->casts, &PyTuple_Type,
                              &e->shapes)) {
            e->casts = e->shapes = NULL;
            return -1;
        }
        Py_INCREF(e->casts);
        Py_INCREF(e->shapes);
        return 0;
    }
    if (strcmp(kind, "contiguous") == 0) {
        unsigned long long mask;
        e->kind = DVF_ENTRY_CONTIGUOUS;
        if (!PyArg_ParseTuple(answer, "OK", &unused, &mask)) return -1;
        e->mask = mask;
        return 0;
    }
    e->kind = DVF_ENTRY_CALL;
    if (!PyArg_ParseTuple(answer, "OOO", &unused, &e->function, &e->canonical)) {
        e->function = e->canonical = NULL;
        return -1;
    }
    Py_INCREF(e->function);
    Py_INCREF(e->canonical);
    return 0;
}

dvf_entry *dvf_cache_insert(const dvf_key *key, PyObject *answer) {
    dvf_entry *e = calloc(1, sizeof *e);
    if (e == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    e->references = 1;
    e->op = (dvf_op *)Py_NewRef((PyObject *)key->op);
    e->device = key->device;
    e->hash = key->hash;
    e->n_words = key->n_words;
    e->n_attrs = key->n_attrs;
    e->words = malloc((size_t)(key->n_words + 1) * sizeof(int64_t));
    e->attrs = PyTuple_New(key->n_attrs);
    if (e->words == NULL || e->attrs == NULL) {
        if (!PyErr_Occurred()) PyErr_NoMemory();
        dvf_entry_release(e);
        return NULL;
    }
    memcpy(e->words, key->words, (size_t)key->n_words * sizeof(int64_t));
    for (int i = 0; i < key->n_attrs; i++) PyTuple_SET_ITEM(e->attrs, i, Py_NewRef(key->attrs[i]));
    if (read_answer(e, answer) < 0) {
        dvf_entry_release(e);
        return NULL;
    }
    if (!key->cacheable) {
        if (uncached != NULL) dvf_entry_release(uncached);
        return uncached = e;
    }
    if (count >= LIMIT) Py_XDECREF(dvf_py_clear_cache(NULL, NULL));
    dvf_entry **bucket = &buckets[e->hash % BUCKETS];
    e->next = *bucket;
    *bucket = e;
    count++;
    return e;
}
