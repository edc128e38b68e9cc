/* closing.h: what was made by plugins, and its end. */
#ifndef DVF_CLOSING_H
#define DVF_CLOSING_H

#include "fast.h"

int dvf_closing_init(PyObject *module);
/* 0, or -1 with an exception when devices were closed for good. */
int dvf_refuse_when_closed(void);
/* Remember a device that this process opened; 0 or -1. */
int dvf_close_later(dvf_device *device);

/* A kernel or executable, destroyed by dvf_unmake or with its device, whichever comes first. It is a
 * record of its own, because the Python object that holds it may outlive the interpreter's memory. */
typedef struct dvf_made dvf_made;

/* Null with MemoryError; what was made is destroyed then. */
dvf_made *dvf_made_kernel(dvf_device *device, dvt_kernel *kernel, dvf_destroy_fn destroy);
dvf_made *dvf_made_executable(dvf_device *device, dvt_executable *executable);
/* Destroy, after the work that may still use it. */
void dvf_unmake(dvf_made *made);

#endif
