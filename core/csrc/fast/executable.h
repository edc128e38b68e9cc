/* Executables: groups of nodes that a device compiled whole. */
#ifndef DVF_EXECUTABLE_H
#define DVF_EXECUTABLE_H

#include "fast.h"

typedef struct dvf_executable {
    PyObject_HEAD dvt_executable *handle;
    dvf_device *device;
    PyObject *graph; /* its constants stay valid while the executable lives */
    PyObject *description;
    uint64_t workspace_size, workspace_alignment, cost_ns, may_alias;
    uint32_t flags;
} dvf_executable;

extern PyTypeObject *dvf_executable_type;
int dvf_executable_init(PyObject *module);

#endif
