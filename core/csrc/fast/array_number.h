/* The operator slots of Array: each forwards to the op function array.py bound to it. */
#ifndef DVF_ARRAY_NUMBER_H
#define DVF_ARRAY_NUMBER_H

#include "fast.h"

PyObject *dvf_array_richcompare(PyObject *a, PyObject *b, int operation);
/* set_operators(dict): op functions and protocol functions by name. */
PyObject *dvf_py_set_operators(PyObject *self, PyObject *operators);

#define DVF_SIMPLE_BINARY_SLOTS(X)                                                                 \
    X(add)                                                                                         \
    X(subtract)                                                                                    \
    X(multiply)                                                                                    \
    X(true_divide)                                                                                 \
    X(floor_divide)                                                                                \
    X(remainder)                                                                                   \
    X(and)                                                                                         \
    X(or)                                                                                          \
    X(xor)                                                                                         \
    X(lshift)                                                                                      \
    X(rshift)

#define DVF_BINARY_SLOTS(X)                                                                        \
    DVF_SIMPLE_BINARY_SLOTS(X)                                                                     \
    X(matrix_multiply)

#define DVF_DECLARE_BINARY(name) PyObject *dvf_array_nb_##name(PyObject *a, PyObject *b);
DVF_BINARY_SLOTS(DVF_DECLARE_BINARY)
PyObject *dvf_array_nb_power(PyObject *a, PyObject *b, PyObject *modulus);
PyObject *dvf_array_nb_negative(PyObject *a);
PyObject *dvf_array_nb_positive(PyObject *a);
PyObject *dvf_array_nb_absolute(PyObject *a);
PyObject *dvf_array_nb_invert(PyObject *a);
int dvf_array_nb_bool(PyObject *a);
PyObject *dvf_array_nb_int(PyObject *a);
PyObject *dvf_array_nb_float(PyObject *a);
PyObject *dvf_array_complex(PyObject *a, PyObject *unused); /* __complex__, which has no slot */
PyObject *dvf_array_nb_index(PyObject *a);

#define DVF_BINARY_SLOT(name) {Py_nb_##name, DVF_FN(dvf_array_nb_##name)},
#define DVF_ARRAY_NUMBER_SLOTS                                                                     \
    DVF_BINARY_SLOTS(DVF_BINARY_SLOT) /**/                                                         \
    {Py_nb_power, DVF_FN(dvf_array_nb_power)}, {Py_nb_negative, DVF_FN(dvf_array_nb_negative)},    \
        {Py_nb_positive, DVF_FN(dvf_array_nb_positive)},                                           \
        {Py_nb_absolute, DVF_FN(dvf_array_nb_absolute)},                                           \
        {Py_nb_invert, DVF_FN(dvf_array_nb_invert)}, {Py_nb_bool, DVF_FN(dvf_array_nb_bool)},      \
        {Py_nb_int, DVF_FN(dvf_array_nb_int)}, {Py_nb_float, DVF_FN(dvf_array_nb_float)}, {        \
        Py_nb_index, DVF_FN(dvf_array_nb_index)                                                    \
    }

#endif
