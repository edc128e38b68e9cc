/* Commands: from a call of the host to what a worker, or the calling thread, does. */
#include "stream.h"

dvt_status command_submit(dvt_device *device, dvt_stream *stream, command *c, dvt_error *error) {
    dvt_status status = device_check(device, error);
    if (status != DVT_OK) return status;
    c->number = faults_count(device);
    if (stream == NULL) {
        status = command_execute(device, c, error);
        if (status != DVT_OK) error->tag = c->tag;
        return status;
    }
    if (c->kind == COMMAND_RUN) task_retain(c->run.task);
    stream_push(stream, c);
    return DVT_OK;
}

static dvt_status run(const command *c, dvt_error *error) {
    const task *t = c->run.task;
    void *operands[MAX_OPERANDS], *workspace = NULL;
    for (uint32_t i = 0; i < t->n_inputs + t->n_outputs; i++) {
        operands[i] = NULL;
        if (t->bytes[i] == 0) continue;
        operands[i] = memory_at(&c->run.operands[i], 0, (int64_t)t->bytes[i], t->name, error);
        if (operands[i] == NULL) return error->code;
    }
    if (t->workspace > 0) {
        workspace = memory_at(&c->run.workspace, 0, (int64_t)t->workspace, t->name, error);
        if (workspace == NULL) return error->code;
    }
    t->compute(t, operands, workspace);
    return DVT_OK;
}

dvt_status command_execute(dvt_device *device, const command *c, dvt_error *error) {
    dvt_status status = faults_strike(device, c->number, c->kind == COMMAND_COPY, error);
    if (status != DVT_OK) return status;
    return c->kind == COMMAND_COPY ? copy_execute(&c->copy, error) : run(c, error);
}
