/* Tasks: what a launch of the chip needs is taken out of the host's call, by value. */
#include "task.h"

#include <stdlib.h>

#include "stream.h"

void task_release(task *t) {
    if (t != NULL && atomic_fetch_sub(&t->references, 1) == 1) free(t);
}

dvt_status task_submit(task *t, const dvt_call *call, dvt_error *error) {
    command c = {.kind = COMMAND_RUN, .tag = call->tag, .run.task = t};
    if (call->n_inputs != t->n_inputs || call->n_outputs != t->n_outputs)
        return fail(error, DVT_INVALID_ARGUMENT,
                    "%s: %u inputs and %u outputs, prepared for %u and %u", t->name, call->n_inputs,
                    call->n_outputs, t->n_inputs, t->n_outputs);
    if (call->workspace_size < t->workspace || (t->workspace > 0 && call->workspace == NULL))
        return fail(error, DVT_INVALID_ARGUMENT, "%s: a workspace of %llu bytes, prepared for %llu",
                    t->name, (unsigned long long)call->workspace_size,
                    (unsigned long long)t->workspace);
    for (uint32_t i = 0; i < t->n_inputs; i++)
        c.run.operands[i] = memory_locate(call->device, call->inputs[i]);
    for (uint32_t i = 0; i < t->n_outputs; i++)
        c.run.operands[t->n_inputs + i] = memory_locate(call->device, call->outputs[i]);
    c.run.workspace = (location){call->device, (uintptr_t)call->workspace, 0};
    return command_submit(call->device, call->stream, &c, error);
}
