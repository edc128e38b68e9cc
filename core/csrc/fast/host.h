/* host.h: what the core offers to plugins, as the dvt_host table of dovetail.h. */
#ifndef DVF_HOST_H
#define DVF_HOST_H

#include <stdint.h>

#include "dovetail.h"

#ifndef DVF_VERSION
#define DVF_VERSION "unknown" /* CMake takes it from pyproject.toml */
#endif

/* The process-wide table; ready at any time, lives for ever. Thread: any. */
const dvt_host *dvf_host(void);

/* Called once by module init, so that nothing is left to set up on first use; 0 or -1. */
int dvf_host_init(void);

/* Threads of parallel_for, the caller included; 0: the CPUs this process may use. */
void dvf_host_set_threads(uint32_t n);

/* Lines that plugins logged, oldest first: `sink` gets each one and owns nothing. Returns how many.
 * Plugins only queue, since they must never need the interpreter lock; whoever holds it drains. */
typedef void (*dvf_log_sink)(void *context, int32_t level, const char *text);
uint32_t dvf_host_drain_log(dvf_log_sink sink, void *context);

#ifdef Py_PYTHON_H
/* drain_log() -> list of (level, text), oldest first (log.c). */
PyObject *dvf_py_drain_log(PyObject *self, PyObject *unused);
#endif

#endif /* DVF_HOST_H */
