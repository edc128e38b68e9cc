/* Operands: Python scalars are weak (they take the dtype of the arrays they meet); other objects go
 * through asarray. */
#include "operand.h"

#include <math.h>
#include <string.h>

#include "transfer.h"

bool dvf_operand_possible(PyObject *object) {
    if (dvf_is_array(object) || PyLong_Check(object) || PyFloat_Check(object) ||
        PyComplex_Check(object))
        return true;
    if (PyUnicode_Check(object) || PyBytes_Check(object) || PyList_Check(object) ||
        PyTuple_Check(object))
        return false;
    return PyObject_HasAttrString(object, "__array__") ||
           PyObject_HasAttrString(object, "__dlpack__");
}

static bool is_scalar(PyObject *o) {
    return PyLong_Check(o) || PyFloat_Check(o) || PyComplex_Check(o);
}

/* Nearest bfloat16, ties to even; NaN stays NaN. */
static uint16_t to_bfloat16(double value) {
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, 4);
    if (isnan(f)) return (uint16_t)((bits >> 16) | 0x40u);
    bits += 0x7FFFu + ((bits >> 16) & 1u);
    return (uint16_t)(bits >> 16);
}

static int out_of_range(PyObject *scalar, int dtype) {
    PyErr_Format(dvf_OpError,
                 "the Python integer %S does not fit %S; convert the array with astype first",
                 scalar, dvf_dtypes[dtype].object);
    return -1;
}

static int write_integer(PyObject *scalar, int dtype, char *out) {
    const dvf_dtype *t = &dvf_dtypes[dtype];
    if (t->kind == DVF_KIND_UINT) {
        unsigned long long v = PyLong_AsUnsignedLongLong(scalar);
        if (v == (unsigned long long)-1 && PyErr_Occurred()) {
            PyErr_Clear();
            return out_of_range(scalar, dtype);
        }
        if (t->itemsize < 8 && v >> (8 * t->itemsize) != 0) return out_of_range(scalar, dtype);
        memcpy(out, &v, t->itemsize); /* little-endian, as the ABI requires */
        return 0;
    }
    int overflow = 0;
    long long v = PyLong_AsLongLongAndOverflow(scalar, &overflow);
    if (v == -1 && PyErr_Occurred()) return -1;
    if (overflow != 0) return out_of_range(scalar, dtype);
    if (t->itemsize < 8) {
        long long limit = 1ll << (8 * t->itemsize - 1);
        if (v < -limit || v >= limit) return out_of_range(scalar, dtype);
    }
    memcpy(out, &v, t->itemsize);
    return 0;
}

/* Write a Python scalar as one element of dtype; 0 or -1 with an exception. */
static int write_scalar(PyObject *scalar, int dtype, char *out) {
    const dvf_dtype *t = &dvf_dtypes[dtype];
    if (t->kind == DVF_KIND_BOOL) {
        int truth = PyObject_IsTrue(scalar);
        if (truth < 0) return -1;
        *out = (char)truth;
        return 0;
    }
    if (t->kind == DVF_KIND_COMPLEX) {
        Py_complex value = PyComplex_AsCComplex(scalar);
        if (value.real == -1.0 && PyErr_Occurred()) return -1;
        if (dtype == DVF_COMPLEX128) {
            memcpy(out, &value, 16);
        } else {
            float parts[2] = {(float)value.real, (float)value.imag};
            memcpy(out, parts, 8);
        }
        return 0;
    }
    if (t->kind != DVF_KIND_FLOAT) return write_integer(scalar, dtype, out);
    double value = PyFloat_AsDouble(scalar);
    if (value == -1.0 && PyErr_Occurred()) return -1;
    if (dtype == DVF_FLOAT64) memcpy(out, &value, 8);
    if (dtype == DVF_FLOAT32) {
        float f = (float)value;
        memcpy(out, &f, 4);
    }
    if (dtype == DVF_BFLOAT16) {
        uint16_t b = to_bfloat16(value);
        memcpy(out, &b, 2);
    }
    if (dtype == DVF_FLOAT16) {
        if (fabs(value) >= 65520.0) { /* PyFloat_Pack2 refuses what rounds to infinity */
            uint16_t b = value > 0 ? 0x7C00 : 0xFC00;
            memcpy(out, &b, 2);
        } else if (PyFloat_Pack2(value, out, 1) < 0) {
            return -1;
        }
    }
    return 0;
}

/* ---- the cache of 0-d arrays -------------------------------------------------------------------- */

#define SCALAR_CACHE 512 /* a program has few distinct constants; a power of two */
static struct {
    uint64_t bits[2];
    dvf_array *array;
} scalar_cache[SCALAR_CACHE];

void dvf_clear_scalars(void) {
    for (int i = 0; i < SCALAR_CACHE; i++) Py_CLEAR(scalar_cache[i].array);
}

dvf_array *dvf_scalar_array(PyObject *scalar, int dtype, dvf_device *device) {
    char element[DVF_MAX_ITEMSIZE] = {0};
    if (write_scalar(scalar, dtype, element) < 0) return NULL;
    uint64_t bits[2];
    memcpy(bits, element, sizeof bits);
    uint64_t mixed = bits[0] ^ (bits[0] >> 29) ^ (bits[1] * 0xC2B2AE3D27D4EB4Full);
    uint64_t h = mixed * 0x9E3779B97F4A7C15ull + (uint64_t)dtype * (uint64_t)0x85EBCA6B;
    size_t slot = (size_t)(h >> 40) % SCALAR_CACHE;
    dvf_array *cached = scalar_cache[slot].array;
    if (cached != NULL && memcmp(scalar_cache[slot].bits, bits, sizeof bits) == 0 &&
        cached->dtype == dtype && cached->device == device && cached->buffer != NULL &&
        !cached->buffer->donated && !cached->buffer->lost) {
        /* A fresh alias, since x[i] = v may rebind the object a user ends up holding. */
        return dvf_array_alias(cached);
    }
    dvf_array *a = dvf_array_empty(device, dtype, 0, NULL);
    if (a == NULL) return NULL;
    if (device->host_visible) {
        memcpy(dvf_array_data(a), element, dvf_dtypes[dtype].itemsize);
    } else if (dvf_write_element(a, element) < 0) {
        Py_DECREF(a);
        return NULL;
    }
    dvf_array *keep = dvf_array_alias(a);
    if (keep == NULL) {
        Py_DECREF(a);
        return NULL;
    }
    memcpy(scalar_cache[slot].bits, bits, sizeof bits);
    Py_XSETREF(scalar_cache[slot].array, keep);
    return a;
}

/* ---- reading ------------------------------------------------------------------------------------ */

PyObject *dvf_read_scalar(dvf_array *a) {
    char element[DVF_MAX_ITEMSIZE] = {0};
    const dvf_dtype *t = &dvf_dtypes[a->dtype];
    if (a->device->host_visible) {
        memcpy(element, dvf_array_data(a), t->itemsize);
    } else if (dvf_copy_to_host(a, element) < 0) {
        return NULL;
    }
    if (t->kind == DVF_KIND_BOOL) return PyBool_FromLong(element[0]);
    if (t->kind == DVF_KIND_FLOAT) {
        double value;
        if (a->dtype == DVF_FLOAT64) {
            memcpy(&value, element, 8);
        } else if (a->dtype == DVF_FLOAT16) {
            value = PyFloat_Unpack2(element, 1);
        } else {
            uint32_t bits = 0;
            float f;
            memcpy(a->dtype == DVF_BFLOAT16 ? (char *)&bits + 2 : (char *)&bits, element,
                   t->itemsize);
            memcpy(&f, &bits, 4);
            value = (double)f;
        }
        return PyFloat_FromDouble(value);
    }
    if (t->kind == DVF_KIND_COMPLEX) {
        if (a->dtype == DVF_COMPLEX64) {
            float parts[2];
            memcpy(parts, element, sizeof parts);
            return PyComplex_FromDoubles((double)parts[0], (double)parts[1]);
        }
        double parts[2];
        memcpy(parts, element, sizeof parts);
        return PyComplex_FromDoubles(parts[0], parts[1]);
    }
    if (t->kind == DVF_KIND_UINT) {
        unsigned long long value;
        memcpy(&value, element, 8);
        return PyLong_FromUnsignedLongLong(value);
    }
    long long value;
    memcpy(&value, element, 8);
    int shift = 64 - 8 * t->itemsize;
    value = (long long)((unsigned long long)value << shift) >> shift;
    return PyLong_FromLongLong(value);
}

/* ---- conversion --------------------------------------------------------------------------------- */

/* The dtype a scalar takes among the arrays of its type variable. */
static int scalar_dtype(dvf_op *op, PyObject *scalar, int position, PyObject *const *operands,
                        int n) {
    const char *groups = PyBytes_AS_STRING(op->groups);
    Py_ssize_t last = PyBytes_GET_SIZE(op->groups) - 1;
    char mine = groups[position <= last ? position : last];
    int kind = PyBool_Check(scalar)      ? DVF_KIND_BOOL
               : PyLong_Check(scalar)    ? DVF_KIND_INT
               : PyComplex_Check(scalar) ? DVF_KIND_COMPLEX
                                         : DVF_KIND_FLOAT;
    for (int i = 0; i < n; i++) {
        if (!dvf_is_array(operands[i]) || groups[i <= last ? i : last] != mine) continue;
        int dtype = ((dvf_array *)operands[i])->dtype, other = dvf_dtypes[dtype].kind;
        if (kind == DVF_KIND_BOOL) return dtype;
        if (kind == DVF_KIND_INT) return other == DVF_KIND_BOOL ? DVF_INT64 : dtype;
        if (other == DVF_KIND_COMPLEX) return dtype;
        if (kind == DVF_KIND_COMPLEX) return dtype == DVF_FLOAT64 ? DVF_COMPLEX128 : DVF_COMPLEX64;
        return other == DVF_KIND_FLOAT ? dtype : DVF_FLOAT32;
    }
    return kind == DVF_KIND_BOOL    ? DVF_BOOL
           : kind == DVF_KIND_INT   ? DVF_INT64
           : kind == DVF_KIND_FLOAT ? DVF_FLOAT32
                                    : DVF_COMPLEX64;
}

PyObject *dvf_call_operands(dvf_op *op, PyObject *const *operands, int n, PyObject *const *attrs) {
    if (n > DVF_MAX_OPERANDS) {
        PyErr_Format(dvf_OpError,
                     "%U: %d operands are more than the %d one call takes; combine them in steps",
                     op->name, n, DVF_MAX_OPERANDS);
        return NULL;
    }
    dvf_array *inputs[DVF_MAX_OPERANDS];
    PyObject *held[DVF_MAX_OPERANDS]; /* converted operands, freed at the end */
    PyObject *converted[DVF_MAX_OPERANDS];
    int n_held = 0;
    PyObject *result = NULL;
    dvf_device *device = NULL;
    bool scalars = false;
    for (int i = 0; i < n; i++) {
        PyObject *o = operands[i];
        converted[i] = o;
        if (dvf_is_array(o)) {
            if (device == NULL) device = ((dvf_array *)o)->device;
            inputs[i] = (dvf_array *)o;
        } else if (is_scalar(o)) {
            scalars = true;
            inputs[i] = NULL;
        } else {
            PyObject *array = PyObject_CallFunction(dvf_hook_operand, "OOi", o, op->name, i);
            if (array == NULL) goto done;
            held[n_held++] = array;
            if (!dvf_is_array(array)) {
                PyErr_Format(PyExc_TypeError, "%U: operand %d is not an array", op->name, i);
                goto done;
            }
            converted[i] = array;
            inputs[i] = (dvf_array *)array;
            if (device == NULL) device = inputs[i]->device;
        }
    }
    if (scalars) {
        if (device == NULL) device = dvf_current_device();
        if (device == NULL) goto done;
        for (int i = 0; i < n; i++) {
            if (inputs[i] != NULL) continue;
            int dtype = scalar_dtype(op, converted[i], i, converted, n);
            dvf_array *a = dvf_scalar_array(converted[i], dtype, device);
            if (a == NULL) goto done;
            held[n_held++] = (PyObject *)a;
            inputs[i] = a;
        }
    }
    result = dvf_dispatch(op, inputs, n, attrs);
done:
    for (int i = 0; i < n_held; i++) Py_DECREF(held[i]);
    return result;
}
