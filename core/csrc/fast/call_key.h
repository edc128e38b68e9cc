/* call_key.h: the signature of a call of a compiled function: containers, shapes, dtypes and static
 * values as words that are hashed and compared without running Python. */
#ifndef DVF_CALL_KEY_H
#define DVF_CALL_KEY_H

#include "fast.h"

#define DVF_CALL_WORDS 2048
#define DVF_MAX_LEAVES 512

typedef struct dvf_call_key {
    uint64_t hash;
    int n_words, n_leaves, n_statics, n_keep;
    bool traced;
    int64_t words[DVF_CALL_WORDS];
    PyObject *leaves[DVF_MAX_LEAVES]; /* borrowed: Arrays and Python numbers */
    PyObject *statics[DVF_MAX_LEAVES];
    PyObject *keep[DVF_CALL_WORDS];
} dvf_call_key;

/* This thread's choice of what runs what a device lacks, as settings.py numbers it; part of every key. */
PyObject *dvf_py_get_fallback(PyObject *self, PyObject *unused);
PyObject *dvf_py_set_fallback(PyObject *self, PyObject *choice);
/* 0, or -1 with an exception. `static_names` is a frozenset of argument positions and names, or null. */
int dvf_call_key_build(dvf_call_key *k, PyObject *static_names, PyObject *const *args,
                       Py_ssize_t nargs, PyObject *kwnames);

#endif
