/* The kernel cache: (op, device, operand specs, attributes) -> what to do. */
#ifndef DVF_CACHE_H
#define DVF_CACHE_H

#include "fast.h"

#define DVF_MAX_RESULTS 8
#define DVF_KEY_WORDS 160
#define DVF_KEY_ATTRS 16

typedef enum {
    DVF_ENTRY_PROMOTE,    /* cast and broadcast operands, then look again */
    DVF_ENTRY_CONTIGUOUS, /* copy strided operands, then look again */
    DVF_ENTRY_KERNEL,     /* launch */
    DVF_ENTRY_VIEW,       /* the result shares the operand's memory */
    DVF_ENTRY_CALL        /* a Python route: decomposition, or another device */
} dvf_entry_kind;

typedef struct dvf_result {
    int64_t *shape; /* ndim extents; for views followed by ndim strides */
    uint64_t size;  /* bytes */
    int dtype, ndim;
} dvf_result;

typedef struct dvf_entry {
    struct dvf_entry *next; /* bucket */
    uint64_t hash;
    Py_ssize_t references;
    dvf_entry_kind kind;
    dvf_op *op;
    dvf_device *device;
    int64_t *words;
    int n_words, n_attrs, n_results;
    PyObject *attrs;     /* tuple of the attribute values of the key */
    PyObject *canonical; /* tuple of canonical attribute values */
    dvf_kernel *kernel;
    dvf_result results[DVF_MAX_RESULTS];
    int64_t offset;     /* view: in elements */
    PyObject *function; /* call */
    PyObject *casts, *shapes;
    uint64_t mask;
} dvf_entry;

typedef struct dvf_key {
    uint64_t hash;
    dvf_op *op;
    dvf_device *device;
    int n_words, n_attrs;
    bool cacheable;
    int64_t words[DVF_KEY_WORDS];
    PyObject *attrs[DVF_KEY_ATTRS];
    PyObject *owned[DVF_KEY_ATTRS]; /* lists become tuples here */
} dvf_key;

int dvf_key_build(dvf_key *key, dvf_op *op, dvf_device *device, dvf_array *const *inputs, int n,
                  PyObject *const *attrs);
void dvf_key_clear(dvf_key *key);
dvf_entry *dvf_cache_find(const dvf_key *key); /* borrowed, null without error on a miss */
/* Build an entry from resolve's answer; keeps it when the key is cacheable. Borrowed. */
dvf_entry *dvf_cache_insert(const dvf_key *key, PyObject *answer);
void dvf_entry_release(dvf_entry *entry);
PyObject *dvf_py_cache_size(PyObject *self, PyObject *unused);

#endif
