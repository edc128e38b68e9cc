/* dovetail_compiled.h: calling a compiled function from native code, without Python.
 *
 *     entry = dovetail.jit(f).entry(x, y)         # in Python: compile for these inputs
 *     const dvt_compiled *c = (const dvt_compiled *)entry.address;
 *     c->call(c->context, inputs, outputs, &error);
 *
 * inputs and outputs are arrays of pointers to contiguous memory of the sizes in c->inputs and
 * c->outputs, on the device the function was compiled for. Nothing is allocated and no lock is
 * taken. One dvt_compiled must not be called from two threads at once; make an entry per thread.
 * The Python object that gave the address must stay alive while it is in use. */
#ifndef DOVETAIL_COMPILED_H
#define DOVETAIL_COMPILED_H

#include "dovetail.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef struct dvt_compiled {
    uint32_t struct_size; /* sizeof(dvt_compiled); only ever grows at its end */
    uint32_t flags;       /* none defined */
    void *context;        /* first argument of call */
    /* Run once; outputs may not overlap inputs. DVT_OK, or an error with text. Thread: per-object. */
    dvt_status (*call)(void *context, const void *const *inputs, void *const *outputs,
                       dvt_error *error);
    const dvt_tensor *inputs;  /* n_inputs specs without data */
    const dvt_tensor *outputs; /* n_outputs specs without data */
    uint32_t n_inputs;
    uint32_t n_outputs;
} dvt_compiled;

#ifdef __cplusplus
}
#endif
#endif /* DOVETAIL_COMPILED_H */
