/* Operator slots of Array and its conversion to Python scalars. */
#include "array_number.h"

#include <string.h>

#include "fast.h"
#include "operand.h"

PyObject *dvf_array_operators;

enum {
    SLOT_add,
    SLOT_subtract,
    SLOT_multiply,
    SLOT_true_divide,
    SLOT_floor_divide,
    SLOT_remainder,
    SLOT_matrix_multiply,
    SLOT_and,
    SLOT_or,
    SLOT_xor,
    SLOT_lshift,
    SLOT_rshift,
    SLOT_power,
    SLOT_negative,
    SLOT_positive,
    SLOT_absolute,
    SLOT_invert,
    SLOT_less,
    SLOT_less_equal,
    SLOT_equal,
    SLOT_not_equal,
    SLOT_greater,
    SLOT_greater_equal,
    SLOT_COUNT
};

static const char *const slot_names[SLOT_COUNT] = {
    "add",        "subtract", "multiply",  "true_divide", "floor_divide", "remainder",
    "matmul",     "and",      "or",        "xor",         "lshift",       "rshift",
    "power",      "negative", "positive",  "absolute",    "invert",       "less",
    "less_equal", "equal",    "not_equal", "greater",     "greater_equal"};

static PyObject *slots[SLOT_COUNT]; /* borrowed from dvf_array_operators */

static PyObject *matrix_product; /* likewise: the op function itself, for two matrices */

PyObject *dvf_py_set_operators(PyObject *self, PyObject *operators) {
    (void)self;
    if (!PyDict_Check(operators)) {
        PyErr_SetString(PyExc_TypeError, "set_operators needs a dict");
        return NULL;
    }
    for (int i = 0; i < SLOT_COUNT; i++) {
        PyObject *function = PyDict_GetItemString(operators, slot_names[i]);
        if (function == NULL) {
            PyErr_Format(PyExc_KeyError, "no function for operator %s", slot_names[i]);
            return NULL;
        }
    }
    PyObject *product = PyDict_GetItemString(operators, "matrix_product");
    if (product == NULL || !Py_IS_TYPE(product, dvf_op_type)) {
        PyErr_SetString(PyExc_KeyError, "matrix_product must be the op function of matmul");
        return NULL;
    }
    Py_XSETREF(dvf_array_operators, Py_NewRef(operators));
    matrix_product = product;
    for (int i = 0; i < SLOT_COUNT; i++) slots[i] = PyDict_GetItemString(operators, slot_names[i]);
    Py_RETURN_NONE;
}

static PyObject *binary(int slot, PyObject *a, PyObject *b) {
    PyObject *function = slots[slot];
    if (!dvf_operand_possible(a) || !dvf_operand_possible(b)) Py_RETURN_NOTIMPLEMENTED;
    PyObject *operands[2] = {a, b};
    if (Py_IS_TYPE(function, dvf_op_type)) {
        return dvf_call_operands((dvf_op *)function, operands, 2, NULL);
    }
    return PyObject_Vectorcall(function, operands, 2, NULL);
}

static PyObject *unary(int slot, PyObject *a) {
    PyObject *function = slots[slot];
    if (Py_IS_TYPE(function, dvf_op_type))
        return dvf_call_operands((dvf_op *)function, &a, 1, NULL);
    return PyObject_CallOneArg(function, a);
}

/* Two matrices need none of what the Python function adds for other ranks. */
PyObject *dvf_array_nb_matrix_multiply(PyObject *a, PyObject *b) {
    if (dvf_is_array(a) && dvf_is_array(b) && ((dvf_array *)a)->view.ndim == 2 &&
        ((dvf_array *)b)->view.ndim == 2) {
        PyObject *operands[2] = {a, b};
        return dvf_call_operands((dvf_op *)matrix_product, operands, 2, NULL);
    }
    return binary(SLOT_matrix_multiply, a, b);
}

#define DVF_DEFINE_BINARY(name)                                                                    \
    PyObject *dvf_array_nb_##name(PyObject *a, PyObject *b) {                                      \
        return binary(SLOT_##name, a, b);                                                          \
    }
DVF_SIMPLE_BINARY_SLOTS(DVF_DEFINE_BINARY)

PyObject *dvf_array_nb_power(PyObject *a, PyObject *b, PyObject *modulus) {
    if (modulus != Py_None) {
        PyErr_SetString(PyExc_TypeError, "pow() of an Array takes no modulus");
        return NULL;
    }
    return binary(SLOT_power, a, b);
}

PyObject *dvf_array_nb_negative(PyObject *a) {
    return unary(SLOT_negative, a);
}
PyObject *dvf_array_nb_positive(PyObject *a) {
    return unary(SLOT_positive, a);
}
PyObject *dvf_array_nb_absolute(PyObject *a) {
    return unary(SLOT_absolute, a);
}
PyObject *dvf_array_nb_invert(PyObject *a) {
    return unary(SLOT_invert, a);
}

PyObject *dvf_array_richcompare(PyObject *a, PyObject *b, int operation) {
    static const int of[] = {[Py_LT] = SLOT_less,    [Py_LE] = SLOT_less_equal,
                             [Py_EQ] = SLOT_equal,   [Py_NE] = SLOT_not_equal,
                             [Py_GT] = SLOT_greater, [Py_GE] = SLOT_greater_equal};
    return binary(of[operation], a, b);
}

/* ---- to Python scalars ------------------------------------------------------------------------- */

/* Refuse what has no single concrete value; the Python function words the error with the user's
 * line. Returns 0 when the value may be read. */
static int concrete(PyObject *self, const char *wanted) {
    dvf_array *a = (dvf_array *)self;
    if (a->tracer == NULL && dvf_array_size(a) == 1) return dvf_array_check(a);
    PyObject *hook = PyDict_GetItemString(dvf_array_operators, "refuse_scalar");
    if (hook == NULL) {
        PyErr_SetString(PyExc_RuntimeError, "dovetail.array has not set refuse_scalar yet");
        return -1;
    }
    PyObject *result = PyObject_CallFunction(hook, "Os", self, wanted);
    Py_XDECREF(result);
    if (result != NULL) PyErr_SetString(PyExc_RuntimeError, "refuse_scalar must raise");
    return -1;
}

PyObject *dvf_array_item(PyObject *self, PyObject *unused) {
    (void)unused;
    if (concrete(self, "item()") < 0) return NULL;
    return dvf_read_scalar((dvf_array *)self);
}

static PyObject *scalar(PyObject *self, const char *wanted) {
    if (concrete(self, wanted) < 0) return NULL;
    return dvf_read_scalar((dvf_array *)self);
}

/* Python's own message would speak of a complex number where the user passed an array. */
static PyObject *real_scalar(PyObject *a, const char *wanted) {
    if (dvf_dtypes[((dvf_array *)a)->dtype].kind == DVF_KIND_COMPLEX) {
        PyErr_Format(PyExc_TypeError,
                     "%s of a %S array would drop its imaginary part; take dt.real(x) or dt.abs(x) "
                     "first, or use complex(x)",
                     wanted, dvf_dtypes[((dvf_array *)a)->dtype].object);
        return NULL;
    }
    return scalar(a, wanted);
}

int dvf_array_nb_bool(PyObject *a) {
    PyObject *value = scalar(a, "bool()");
    if (value == NULL) return -1;
    int truth = PyObject_IsTrue(value);
    Py_DECREF(value);
    return truth;
}

PyObject *dvf_array_nb_int(PyObject *a) {
    PyObject *value = real_scalar(a, "int()");
    if (value == NULL) return NULL;
    PyObject *result = PyNumber_Long(value);
    Py_DECREF(value);
    return result;
}

PyObject *dvf_array_nb_float(PyObject *a) {
    PyObject *value = real_scalar(a, "float()");
    if (value == NULL) return NULL;
    PyObject *result = PyNumber_Float(value);
    Py_DECREF(value);
    return result;
}

PyObject *dvf_array_complex(PyObject *a, PyObject *unused) {
    (void)unused;
    PyObject *value = scalar(a, "complex()");
    if (value == NULL || PyComplex_Check(value)) return value;
    double real = PyFloat_AsDouble(value);
    Py_DECREF(value);
    if (real == -1.0 && PyErr_Occurred()) return NULL;
    return PyComplex_FromDoubles(real, 0.0);
}

PyObject *dvf_array_nb_index(PyObject *a) {
    int kind = dvf_dtypes[((dvf_array *)a)->dtype].kind;
    if ((kind != DVF_KIND_INT && kind != DVF_KIND_UINT) || ((dvf_array *)a)->view.ndim != 0) {
        PyErr_Format(PyExc_TypeError,
                     "only an integer Array without axes can be used as an index, not one of %S "
                     "with %d axes; .item() gives its value",
                     dvf_dtypes[((dvf_array *)a)->dtype].object, ((dvf_array *)a)->view.ndim);
        return NULL;
    }
    return scalar(a, "index()");
}
