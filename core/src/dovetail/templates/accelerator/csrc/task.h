/* task.h: what kernels and compiled programs have in common: the launch of a chip. A task outlives its
 * handle while commands that use it are queued, hence the count of references. */
#ifndef TASK_H
#define TASK_H

#include "device.h"

#define MAX_OPERANDS 32

typedef struct task {
    atomic_uint references;
    const char *name; /* for messages */
    uint32_t n_inputs, n_outputs;
    uint64_t bytes[MAX_OPERANDS]; /* of each operand: inputs, then outputs */
    uint64_t workspace;           /* bytes */
    /* operands in host-readable form: inputs, then outputs; null where bytes is 0 */
    void (*compute)(const struct task *task, void *const *operands, void *workspace);
} task;

static inline void task_retain(task *t) {
    atomic_fetch_add_explicit(&t->references, 1, memory_order_relaxed);
}

/* Kernels and programs are one allocation each, which begins with the task. */
void task_release(task *t);
/* A call of the host as a command. */
dvt_status task_submit(task *t, const dvt_call *call, dvt_error *error);

#endif
