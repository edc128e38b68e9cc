/* Kernels in a recording: what was asked, what was answered, and every run with its operands. */
#include "record.h"

#include <stdlib.h>
#include <string.h>

typedef struct dvf_recorded_kernel {
    dvf_recorder *recorder;
    dvt_run_fn run;
    dvt_kernel *below;
    dvf_destroy_fn destroy;
    uint64_t number, host_inputs;
    dvf_text attrs; /* those that prepare saw */
} dvf_recorded_kernel;

static int same_text(const dvf_text *a, const dvf_text *b) {
    return a->used == b->used && a->used > 0 && memcmp(a->data, b->data, a->used) == 0;
}

static void put_call(dvf_recording *record, const dvf_recorded_kernel *kernel,
                     const dvt_call *call) {
    dvf_recorder *recorder = kernel->recorder;
    dvf_recorded_device *device = dvf_recorded(call->device);
    dvf_text *text = &record->text, attrs = {.closed = text->closed};
    dvf_text_put(text, ",\"kernel\":%llu,\"device\":%llu,\"stream\":%llu,\"flags\":%u,\"tag\":%llu",
                 (unsigned long long)kernel->number,
                 (unsigned long long)dvf_record_device_number(call->device),
                 (unsigned long long)dvf_record_stream_number(call->stream), call->flags,
                 (unsigned long long)call->tag);
    dvf_text_put(text, ",\"workspace\":%llu,\"workspace_address\":%llu",
                 (unsigned long long)call->workspace_size,
                 (unsigned long long)(uintptr_t)call->workspace);
    dvf_record_operands(recorder, text, "inputs", call->inputs, call->n_inputs, device,
                        kernel->host_inputs, DVF_VIEW_PLACED);
    dvf_record_operands(recorder, text, "outputs", call->outputs, call->n_outputs, device, 0,
                        DVF_VIEW_SPEC);
    dvf_record_attrs(recorder, &attrs, call->attrs, call->n_attrs, device);
    if (!same_text(&attrs, &kernel->attrs)) {
        dvf_text_put(text, ",\"attrs\":");
        dvf_text_put(text, "%.*s", (int)attrs.used, attrs.data != NULL ? attrs.data : "[]");
    }
    dvf_text_clear(&attrs);
    dvf_record_extensions(text, call->ext);
}

static dvt_status run(const dvt_call *above, dvt_error *error) {
    const dvf_recorded_kernel *kernel = (const dvf_recorded_kernel *)(void *)above->kernel;
    dvf_recorder *recorder = kernel->recorder;
    dvf_recorded_device *device = dvf_recorded(above->device);
    dvt_call call = *above;
    call.host = recorder->below.host;
    call.device = dvf_record_device_below(above->device);
    call.stream = dvf_record_stream_below(above->stream);
    call.kernel = kernel->below;
    if (atomic_load(&recorder->file.stopped)) return kernel->run(&call, error);

    dvf_recording record;
    dvf_recording_start(&record, recorder, "run");
    dvf_record_settle(above->stream, NULL);
    put_call(&record, kernel, above);
    dvf_recording_begin(&record);
    dvt_status status = kernel->run(&call, error);
    dvf_recording_end(&record, status, error);
    dvf_record_results(&record, status, above, device, kernel->host_inputs == UINT64_MAX);
    dvf_recording_finish(&record);
    return status;
}

static void destroy(dvt_kernel *handle) {
    dvf_recorded_kernel *kernel = (dvf_recorded_kernel *)(void *)handle;
    if (kernel->below != NULL && kernel->destroy != NULL) {
        dvf_recording record;
        dvf_recording_start(&record, kernel->recorder, "kernel_destroy");
        dvf_text_put(&record.text, ",\"kernel\":%llu", (unsigned long long)kernel->number);
        dvf_recording_begin(&record);
        kernel->destroy(kernel->below);
        dvf_recording_end(&record, DVT_OK, NULL);
        dvf_recording_finish(&record);
    }
    dvf_text_clear(&kernel->attrs);
    free(kernel);
}

static void put_question(dvf_recording *record, const dvf_plugin *plugin, uint32_t row,
                         const dvt_op *op, const dvf_recorded_kernel *kernel) {
    const dvt_kernel_def *def = &plugin->kernels[row];
    dvf_recorder *recorder = kernel->recorder;
    dvf_recorded_device *device = dvf_recorded(op->device);
    dvf_text *text = &record->text;
    dvf_text_put(text, ",\"op\":");
    dvf_text_string(text, op->name, SIZE_MAX);
    dvf_text_put(text, ",\"version\":%u,\"flags\":%u,\"device\":%llu", op->version, op->flags,
                 (unsigned long long)dvf_record_device_number(op->device));
    dvf_text_put(text, ",\"row\":{\"index\":%u,\"types\":", row);
    dvf_text_string(text, def->types, SIZE_MAX);
    dvf_text_put(text, ",\"min_version\":%u,\"max_version\":%u,\"flags\":%u,\"priority\":%d",
                 def->min_version, def->max_version, def->flags, def->priority);
    dvf_text_put(text, ",\"host_inputs\":%llu}", (unsigned long long)def->host_inputs);
    dvf_record_operands(recorder, text, "inputs", op->inputs, op->n_inputs, device,
                        kernel->host_inputs, DVF_VIEW_PLACED);
    dvf_record_operands(recorder, text, "outputs", op->outputs, op->n_outputs, device, 0,
                        DVF_VIEW_SPEC);
    dvf_text_put(text, ",\"attrs\":%.*s", (int)kernel->attrs.used,
                 kernel->attrs.data != NULL ? kernel->attrs.data : "[]");
    dvf_record_extensions(text, op->ext);
}

static dvt_status prepare_row(dvf_plugin *plugin, uint32_t row, const dvt_op *above,
                              dvt_kernel_info *info, dvf_destroy_fn *free_kernel,
                              dvt_error *error) {
    dvf_recorder *recorder = dvf_recorder_of(plugin->host);
    const dvt_kernel_def *def = &plugin->kernels[row];
    dvf_recorded_kernel *kernel = calloc(1, sizeof *kernel);
    if (kernel == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to record it");
    kernel->recorder = recorder;
    kernel->number = atomic_fetch_add(&recorder->handles, 1) + 1;
    kernel->host_inputs = def->flags & DVT_KERNEL_ON_HOST ? UINT64_MAX : def->host_inputs;
    kernel->attrs.closed = atomic_load(&recorder->file.stopped);
    dvf_record_attrs(recorder, &kernel->attrs, above->attrs, above->n_attrs,
                     dvf_recorded(above->device));

    dvf_recording record;
    dvf_recording_start(&record, recorder, "prepare");
    put_question(&record, plugin, row, above, kernel);
    dvf_recording_begin(&record);
    dvt_op op = *above;
    op.host = recorder->below.host;
    op.device = dvf_record_device_below(above->device);
    dvt_status status =
        recorder->below.prepare_row(&recorder->below, row, &op, info, &kernel->destroy, error);
    dvf_recording_end(&record, status, error);
    if (status == DVT_OK) {
        dvf_text_put(&record.text, ",\"kernel\":%llu,\"flags\":%u,\"workspace\":%llu",
                     (unsigned long long)kernel->number, info->flags,
                     (unsigned long long)info->workspace_size);
        dvf_text_put(&record.text, ",\"alignment\":%llu,\"cost_ns\":%llu,\"may_alias\":%llu",
                     (unsigned long long)info->workspace_alignment,
                     (unsigned long long)info->cost_ns, (unsigned long long)info->may_alias);
    } else {
        dvf_text_put(&record.text, ",\"reason\":");
        dvf_text_string(&record.text, info->reason, SIZE_MAX);
    }
    dvf_recording_finish(&record);
    if (status != DVT_OK) {
        dvf_text_clear(&kernel->attrs);
        free(kernel);
        return status;
    }
    kernel->run = info->run;
    kernel->below = info->kernel;
    info->run = run;
    info->kernel = (dvt_kernel *)(void *)kernel;
    *free_kernel = destroy;
    return DVT_OK;
}

void dvf_record_kernels(dvf_plugin *plugin) {
    plugin->prepare_row = prepare_row;
}
