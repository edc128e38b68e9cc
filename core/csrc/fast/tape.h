/* tape.h: the gradient tape as its three files share it: recording (tape.c), walking backwards
 * (tape_walk.c), the Python object (tape_object.c). */
#ifndef DVF_TAPE_H
#define DVF_TAPE_H

#include "fast.h"

typedef struct dvf_record {
    dvf_op *op;          /* null: a compiled call, see rule */
    PyObject *rule;      /* rule(g, outputs, *inputs) -> tuple, for compiled calls */
    dvf_array **inputs;  /* strong */
    dvf_array **outputs; /* strong */
    PyObject *attrs;     /* tuple of canonical values */
    int n_inputs, n_outputs;
} dvf_record;

typedef struct dvf_tape {
    PyObject_HEAD struct dvf_tape *below; /* the tape that was innermost before; strong */
    dvf_record *records;
    Py_ssize_t n_records, room;
    dvf_array **keys; /* open addressing: Array -> slot of its gradient; keys are strong */
    int32_t *slots;
    Py_ssize_t n_keys, n_buckets;
    bool active;
} dvf_tape;

/* Slot of an array's gradient, -1 when the tape does not know the array. */
int32_t dvf_tape_slot(const dvf_tape *t, const dvf_array *a);
int dvf_tape_watch(dvf_tape *t, dvf_array *a);
/* Whether a tape, or one below it, watches an input. */
bool dvf_tape_chain_watches(const dvf_tape *top, dvf_array *const *inputs, int n);
/* The same of the tapes that sleep on this thread while functions are traced. */
bool dvf_tape_asleep_watches(dvf_array *const *inputs, int n);
void dvf_record_clear(dvf_record *r);
/* Record on every active tape that watches an input: an op, or a compiled call by its rule. */
int dvf_tape_append(dvf_op *op, PyObject *rule, dvf_array *const *inputs, int n, PyObject *outputs,
                    PyObject *attrs);
/* A tuple with an Array or None per source. */
PyObject *dvf_tape_gradients(const dvf_tape *t, PyObject *const *outputs,
                             PyObject *const *cotangents, Py_ssize_t n, PyObject *sources);

#endif
