/* Graphs in a recording: partition, compile, execute, save and load. */
#include "record.h"

#include <stdlib.h>
#include <string.h>

typedef struct dvf_recorded_executable {
    dvf_recorder *recorder;
    dvt_executable *below;
    uint64_t number;
} dvf_recorded_executable;

static dvf_recorded_executable *recorded_executable(dvt_executable *executable) {
    return (dvf_recorded_executable *)(void *)executable;
}

/* The descriptor for the plugin: its own host and devices. Null without memory; free(*devices). */
static dvt_compile_desc *under(const dvt_compile_desc *above, dvt_compile_desc *desc,
                               dvt_device ***devices) {
    *desc = *above;
    desc->host = dvf_recorder_of(above->host)->below.host;
    *devices = calloc(above->n_devices + 1u, sizeof **devices);
    if (*devices == NULL) return NULL;
    for (uint32_t i = 0; i < above->n_devices; i++)
        (*devices)[i] = dvf_record_device_below(above->devices[i]);
    desc->devices = *devices;
    return desc;
}

static void start_graph(dvf_recording *record, const char *name, const dvt_compile_desc *desc) {
    dvf_recorder *recorder = dvf_recorder_of(desc->host);
    dvf_recorded_device *first = desc->n_devices > 0 ? dvf_recorded(desc->devices[0]) : NULL;
    dvf_text *text = &record->text;
    dvf_recording_start(record, recorder, name);
    dvf_text_put(text, ",\"flags\":%u,\"devices\":[", desc->flags);
    for (uint32_t i = 0; i < desc->n_devices; i++)
        dvf_text_put(text, "%s%llu", i > 0 ? "," : "",
                     (unsigned long long)dvf_record_device_number(desc->devices[i]));
    dvf_text_put(text, "],\"options\":");
    dvf_record_attrs(recorder, text, desc->options, desc->n_options, NULL);
    dvf_text_put(text, ",\"graph\":");
    dvf_record_graph(recorder, text, desc->graph, first);
    dvf_record_extensions(text, desc->ext);
}

static dvt_status partition(const dvt_compile_desc *above, dvt_claim *const *claims,
                            dvt_error *error) {
    dvf_recorder *recorder = dvf_recorder_of(above->host);
    dvt_compile_desc desc;
    dvt_device **devices;
    if (under(above, &desc, &devices) == NULL)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to record a partition");
    dvf_recording record;
    start_graph(&record, "partition", above);
    dvf_recording_begin(&record);
    dvt_status status = recorder->below.graph.partition(&desc, claims, error);
    dvf_recording_end(&record, status, error);
    dvf_text_put(&record.text, ",\"claims\":[");
    for (uint32_t i = 0; status == DVT_OK && i < above->graph->n_nodes; i++) {
        dvf_text_put(&record.text, "%s{\"group\":%u,\"reason\":", i > 0 ? "," : "",
                     claims[i]->group);
        dvf_text_string(&record.text, claims[i]->reason, SIZE_MAX);
        dvf_text_put(&record.text, "}");
    }
    dvf_text_put(&record.text, "]");
    dvf_recording_finish(&record);
    free(devices);
    return status;
}

static void put_answer(dvf_recording *record, uint64_t number, const dvt_executable_info *info) {
    dvf_text *text = &record->text;
    dvf_text_put(text, ",\"executable\":%llu,\"flags\":%u,\"workspace\":%llu",
                 (unsigned long long)number, info->flags, (unsigned long long)info->workspace_size);
    dvf_text_put(text, ",\"alignment\":%llu,\"cost_ns\":%llu,\"may_alias\":%llu,\"description\":",
                 (unsigned long long)info->workspace_alignment, (unsigned long long)info->cost_ns,
                 (unsigned long long)info->may_alias);
    dvf_text_string(text, info->description, SIZE_MAX);
}

static dvf_recorded_executable *new_executable(dvf_recorder *recorder, dvt_error *error) {
    dvf_recorded_executable *x = calloc(1, sizeof *x);
    if (x == NULL) {
        dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to record an executable");
        return NULL;
    }
    x->recorder = recorder;
    x->number = atomic_fetch_add(&recorder->handles, 1) + 1;
    return x;
}

/* Ends the record of a call that makes an executable, and hands it up. */
static dvt_status hand_up(dvf_recording *record, dvf_recorded_executable *x, dvt_status status,
                          const dvt_executable_info *info, dvt_executable **executable,
                          const dvt_error *error) {
    dvf_recording_end(record, status, error);
    if (status == DVT_OK) put_answer(record, x->number, info);
    dvf_recording_finish(record);
    if (status == DVT_OK)
        *executable = (dvt_executable *)(void *)x;
    else
        free(x);
    return status;
}

static dvt_status compile(const dvt_compile_desc *above, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error) {
    dvf_recorder *recorder = dvf_recorder_of(above->host);
    dvf_recorded_executable *x = new_executable(recorder, error);
    dvt_compile_desc desc;
    dvt_device **devices = NULL;
    if (x == NULL || under(above, &desc, &devices) == NULL) {
        free(x);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to record an executable");
    }
    dvf_recording record;
    start_graph(&record, "compile", above);
    dvf_recording_begin(&record);
    dvt_status status = recorder->below.graph.compile(&desc, &x->below, info, error);
    free(devices);
    return hand_up(&record, x, status, info, executable, error);
}

static dvt_status execute(dvt_executable *handle, const dvt_call *above, dvt_error *error) {
    dvf_recorded_executable *x = recorded_executable(handle);
    dvf_recorder *recorder = x->recorder;
    dvf_recorded_device *device = dvf_recorded(above->device);
    dvt_call call = *above;
    call.host = recorder->below.host;
    call.device = dvf_record_device_below(above->device);
    call.stream = dvf_record_stream_below(above->stream);
    if (atomic_load(&recorder->file.stopped))
        return recorder->below.graph.execute(x->below, &call, error);
    dvf_recording record;
    dvf_recording_start(&record, recorder, "execute");
    dvf_record_settle(above->stream, NULL);
    dvf_text_put(&record.text,
                 ",\"executable\":%llu,\"device\":%llu,\"stream\":%llu,\"flags\":%u,\"tag\":%llu",
                 (unsigned long long)x->number,
                 (unsigned long long)dvf_record_device_number(above->device),
                 (unsigned long long)dvf_record_stream_number(above->stream), above->flags,
                 (unsigned long long)above->tag);
    dvf_text_put(&record.text, ",\"workspace\":%llu", (unsigned long long)above->workspace_size);
    dvf_record_operands(recorder, &record.text, "inputs", above->inputs, above->n_inputs, device, 0,
                        DVF_VIEW_PLACED);
    dvf_record_operands(recorder, &record.text, "outputs", above->outputs, above->n_outputs, device,
                        0, DVF_VIEW_SPEC);
    dvf_record_extensions(&record.text, above->ext);
    dvf_recording_begin(&record);
    dvt_status status = recorder->below.graph.execute(x->below, &call, error);
    dvf_recording_end(&record, status, error);
    dvf_record_results(&record, status, above, device, 0);
    dvf_recording_finish(&record);
    return status;
}

static void destroy(dvt_executable *handle) {
    dvf_recorded_executable *x = recorded_executable(handle);
    dvf_recording record;
    dvf_recording_start(&record, x->recorder, "executable_destroy");
    dvf_text_put(&record.text, ",\"executable\":%llu", (unsigned long long)x->number);
    dvf_recording_begin(&record);
    x->recorder->below.graph.destroy(x->below);
    dvf_recording_end(&record, DVT_OK, NULL);
    dvf_recording_finish(&record);
    free(x);
}

/* ---- saved executables ------------------------------------------------------------------------------- */

typedef struct saved {
    const dvt_blob *above;
    uint8_t *bytes;
    uint64_t size, room;
    int lost; /* no memory to keep them all: the core still gets every byte */
} saved;

static dvt_status keep(void *context, const void *bytes, uint64_t size) {
    saved *s = context;
    if (!s->lost && s->room - s->size < size) {
        uint64_t room = 2 * (s->size + size);
        uint8_t *moved = realloc(s->bytes, (size_t)room);
        s->lost = moved == NULL;
        if (moved != NULL) {
            s->bytes = moved;
            s->room = room;
        }
    }
    if (!s->lost && size > 0) memcpy(s->bytes + s->size, bytes, (size_t)size);
    s->size += size;
    return s->above->write(s->above->context, bytes, size);
}

static dvt_status save(dvt_executable *handle, const dvt_blob *above, dvt_error *error) {
    dvf_recorded_executable *x = recorded_executable(handle);
    saved kept = {.above = above};
    dvf_recording record;
    dvf_recording_start(&record, x->recorder, "save");
    dvf_text_put(&record.text, ",\"executable\":%llu", (unsigned long long)x->number);
    dvf_recording_begin(&record);
    dvt_blob blob = *above;
    blob.write = keep;
    blob.context = &kept;
    blob.device = dvf_record_device_below(above->device);
    blob.host = x->recorder->below.host;
    dvt_status status = x->recorder->below.graph.save(x->below, &blob, error);
    dvf_recording_end(&record, status, error);
    dvf_text_put(&record.text, ",\"blob\":{\"size\":%llu", (unsigned long long)kept.size);
    if (!kept.lost && kept.size > 0)
        dvf_record_bytes(&x->recorder->file, kept.bytes, kept.size, &record.text);
    dvf_text_put(&record.text, "}");
    dvf_recording_finish(&record);
    free(kept.bytes);
    return status;
}

static dvt_status load(const dvt_blob *above, dvt_executable **executable,
                       dvt_executable_info *info, dvt_error *error) {
    dvf_recorder *recorder = dvf_recorder_of(above->host);
    dvf_recorded_executable *x = new_executable(recorder, error);
    if (x == NULL) return DVT_OUT_OF_MEMORY;
    dvf_recording record;
    dvf_recording_start(&record, recorder, "load");
    dvf_text_put(&record.text, ",\"device\":%llu,\"blob\":{\"size\":%llu",
                 (unsigned long long)dvf_record_device_number(above->device),
                 (unsigned long long)above->size);
    if (above->size > 0) dvf_record_bytes(&recorder->file, above->bytes, above->size, &record.text);
    dvf_text_put(&record.text, "}");
    dvf_recording_begin(&record);
    dvt_blob blob = *above;
    blob.device = dvf_record_device_below(above->device);
    blob.host = recorder->below.host;
    dvt_status status = recorder->below.graph.load(&blob, &x->below, info, error);
    return hand_up(&record, x, status, info, executable, error);
}

void dvf_record_graphs(dvt_graph_api *api) {
    if (api->partition != NULL) api->partition = partition;
    api->compile = compile;
    api->execute = execute;
    api->destroy = destroy;
    if (api->save != NULL) api->save = save;
    if (api->load != NULL) api->load = load;
}
