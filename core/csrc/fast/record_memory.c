/* Memory in a recording: allocations, imports, maps, copies and fills. */
#include "record.h"

static void put_alloc(dvf_recording *record, const dvf_recorded_device *d,
                      const dvt_alloc_desc *desc) {
    dvf_text *text = &record->text;
    dvf_text_put(text, ",\"device\":%llu,\"stream\":%llu,\"space\":%u,\"size\":%llu",
                 (unsigned long long)d->number,
                 (unsigned long long)dvf_record_stream_number(desc->stream), desc->space,
                 (unsigned long long)desc->size);
    dvf_text_put(text, ",\"alignment\":%llu", (unsigned long long)desc->alignment);
    if (desc->data != NULL)
        dvf_text_put(text, ",\"address\":%llu", (unsigned long long)(uintptr_t)desc->data);
    dvf_record_extensions(text, desc->ext);
}

static dvt_alloc_desc under(const dvt_alloc_desc *above) {
    dvt_alloc_desc desc = *above;
    desc.stream = dvf_record_stream_below(above->stream);
    return desc;
}

typedef dvt_status (*give_fn)(dvt_device *, const dvt_alloc_desc *, void **, dvt_error *);
typedef void (*take_fn)(dvt_device *, const dvt_alloc_desc *);

static dvt_status give(const char *name, give_fn slot, dvt_device *handle,
                       const dvt_alloc_desc *above, void **data, dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recording record;
    dvf_recording_start(&record, d->recorder, name);
    put_alloc(&record, d, above);
    dvf_recording_begin(&record);
    dvt_alloc_desc desc = under(above);
    dvt_status status = slot(d->below, &desc, data, error);
    dvf_recording_end(&record, status, error);
    if (status == DVT_OK)
        dvf_text_put(&record.text, ",\"address\":%llu", (unsigned long long)(uintptr_t)*data);
    dvf_recording_finish(&record);
    return status;
}

static void take(const char *name, take_fn slot, dvt_device *handle, const dvt_alloc_desc *above) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recording record;
    dvf_recording_start(&record, d->recorder, name);
    put_alloc(&record, d, above);
    dvf_recording_begin(&record);
    dvt_alloc_desc desc = under(above);
    slot(d->below, &desc);
    dvf_recording_end(&record, DVT_OK, NULL);
    dvf_recording_finish(&record);
}

static const dvt_device_api *below(dvt_device *handle) {
    return &dvf_recorded(handle)->recorder->below.device;
}

static dvt_status alloc(dvt_device *d, const dvt_alloc_desc *desc, void **data, dvt_error *error) {
    return give("alloc", below(d)->alloc, d, desc, data, error);
}

static dvt_status import_memory(dvt_device *d, const dvt_alloc_desc *desc, void **data,
                                dvt_error *error) {
    return give("import_memory", below(d)->import_memory, d, desc, data, error);
}

static void release(dvt_device *d, const dvt_alloc_desc *desc) {
    take("release", below(d)->release, d, desc);
}

static void unimport_memory(dvt_device *d, const dvt_alloc_desc *desc) {
    take("unimport_memory", below(d)->unimport_memory, d, desc);
}

/* ---- maps ------------------------------------------------------------------------------------------ */

static void start_map(dvf_recording *record, const char *name, const dvf_recorded_device *d,
                      const dvt_map_desc *desc) {
    dvf_recording_start(record, d->recorder, name);
    dvf_text_put(&record->text,
                 ",\"device\":%llu,\"flags\":%u,\"address\":%llu,\"offset\":%llu,\"size\":%llu",
                 (unsigned long long)d->number, desc->flags,
                 (unsigned long long)(uintptr_t)desc->data, (unsigned long long)desc->offset,
                 (unsigned long long)desc->size);
    dvf_recording_begin(record);
}

static dvt_status map(dvt_device *handle, const dvt_map_desc *desc, void **host_data,
                      dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recording record;
    start_map(&record, "map", d, desc);
    dvt_status status = below(handle)->map(d->below, desc, host_data, error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    return status;
}

static dvt_status unmap(dvt_device *handle, const dvt_map_desc *desc, dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recording record;
    start_map(&record, "unmap", d, desc);
    dvt_status status = below(handle)->unmap(d->below, desc, error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    return status;
}

/* ---- copies and fills ------------------------------------------------------------------------------- */

/* What a transfer wrote, unless it failed now or later. */
static void end_transfer(dvf_recording *record, dvt_status status, const dvt_error *error,
                         dvt_stream *stream, const dvt_tensor *written, dvf_recorded_device *device,
                         int how) {
    dvf_recording_end(record, status, error);
    dvt_status later = status == DVT_OK ? dvf_recording_settle(record, stream) : DVT_OK;
    if (status == DVT_OK && later == DVT_OK) {
        dvf_text_put(&record->text, ",\"outputs\":[{\"i\":0");
        dvf_record_contents(record->recorder, &record->text, written, device, how);
        dvf_text_put(&record->text, "}]");
    }
    dvf_recording_finish(record);
}

/* An end of a copy: host memory without a device; a foreign device's data are not for us to read. */
static int end_of(dvt_device *device) {
    if (device == NULL) return DVF_VIEW_HOST;
    return dvf_record_device_number(device) != 0 ? DVF_VIEW_PLACED : DVF_VIEW_SPEC;
}

static dvf_recorded_device *ours(dvt_device *device) {
    return dvf_record_device_number(device) != 0 ? dvf_recorded(device) : NULL;
}

static dvt_status copy(dvt_device *handle, const dvt_copy *above, dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recorder *recorder = d->recorder;
    int from = end_of(above->source_device), to = end_of(above->destination_device);
    dvf_recording record;
    dvf_recording_start(&record, recorder, "copy");
    dvf_record_settle(above->stream, NULL);
    dvf_text_put(&record.text,
                 ",\"device\":%llu,\"from_device\":%llu,\"to_device\":%llu,\"stream\":%llu",
                 (unsigned long long)d->number,
                 (unsigned long long)dvf_record_device_number(above->source_device),
                 (unsigned long long)dvf_record_device_number(above->destination_device),
                 (unsigned long long)dvf_record_stream_number(above->stream));
    dvf_text_put(&record.text, ",\"from_host\":%d,\"to_host\":%d,\"tag\":%llu",
                 above->source_device == NULL, above->destination_device == NULL,
                 (unsigned long long)above->tag);
    dvf_record_operands(recorder, &record.text, "inputs", &above->source, 1,
                        ours(above->source_device), 0, from);
    dvf_record_operands(recorder, &record.text, "outputs", &above->destination, 1,
                        ours(above->destination_device), 0, DVF_VIEW_SPEC);
    dvf_record_extensions(&record.text, above->ext);
    dvf_recording_begin(&record);
    dvt_copy request = *above;
    request.source_device = dvf_record_device_below(above->source_device);
    request.destination_device = dvf_record_device_below(above->destination_device);
    request.stream = dvf_record_stream_below(above->stream);
    dvt_status status = below(handle)->copy(d->below, &request, error);
    end_transfer(&record, status, error, above->stream, above->destination,
                 ours(above->destination_device), to);
    return status;
}

static dvt_status fill(dvt_device *handle, const dvt_fill *above, dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recorder *recorder = d->recorder;
    const dvt_dtype *type = &above->destination->dtype;
    uint64_t element = ((uint64_t)type->bits * type->lanes + 7) / 8;
    dvf_recording record;
    dvf_recording_start(&record, recorder, "fill");
    dvf_record_settle(above->stream, NULL);
    dvf_text_put(&record.text, ",\"device\":%llu,\"stream\":%llu,\"tag\":%llu",
                 (unsigned long long)d->number,
                 (unsigned long long)dvf_record_stream_number(above->stream),
                 (unsigned long long)above->tag);
    dvf_text_put(&record.text, ",\"pattern\":{\"size\":%llu", (unsigned long long)element);
    dvf_record_bytes(&recorder->file, above->pattern, element, &record.text);
    dvf_text_put(&record.text, "}");
    dvf_record_operands(recorder, &record.text, "outputs", &above->destination, 1, d, 0,
                        DVF_VIEW_SPEC);
    dvf_record_extensions(&record.text, above->ext);
    dvf_recording_begin(&record);
    dvt_fill request = *above;
    request.stream = dvf_record_stream_below(above->stream);
    dvt_status status = below(handle)->fill(d->below, &request, error);
    end_transfer(&record, status, error, above->stream, above->destination, d, DVF_VIEW_PLACED);
    return status;
}

void dvf_record_memory(dvt_device_api *api) {
    if (api->alloc != NULL) api->alloc = alloc;
    if (api->release != NULL) api->release = release;
    if (api->import_memory != NULL) api->import_memory = import_memory;
    if (api->unimport_memory != NULL) api->unimport_memory = unimport_memory;
    if (api->map != NULL) api->map = map;
    if (api->unmap != NULL) api->unmap = unmap;
    if (api->copy != NULL) api->copy = copy;
    if (api->fill != NULL) api->fill = fill;
}
