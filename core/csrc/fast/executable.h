/* Executables: groups of nodes that a device compiled whole. */
#ifndef DVF_EXECUTABLE_H
#define DVF_EXECUTABLE_H

#include "fast.h"

#include <pthread.h>

typedef struct dvf_executable {
    PyObject_HEAD dvt_executable *handle;
    struct dvf_made *made; /* what is to be destroyed */
    dvf_device *device;
    PyObject *graph; /* its constants stay valid while the executable lives */
    PyObject *description;
    uint64_t workspace_size, workspace_alignment, cost_ns, may_alias;
    uint32_t flags;
    pthread_mutex_t lock; /* held while executing, unless the plugin says CONCURRENT */
} dvf_executable;

extern PyTypeObject *dvf_executable_type;
int dvf_executable_init(PyObject *module);
/* Execute, one caller at a time where the contract asks for it. Needs no interpreter lock. */
dvt_status dvf_execute(dvf_executable *x, const dvt_call *call, dvt_error *error);

#endif
