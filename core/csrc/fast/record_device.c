/* Devices in a recording: opened, described, waited for, closed. */
#include "record.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dvf_recorded_device *open_devices; /* of every recorded plugin */

static void new_lock(void) {
    pthread_mutex_init(&lock, NULL); /* the parent's may be held by a thread that is not here */
}

static void guard_forks(void) {
    pthread_atfork(NULL, NULL, new_lock);
}

static int is_ours(const dvt_device *device) {
    const dvf_recorded_device *d;
    pthread_mutex_lock(&lock);
    for (d = open_devices; d != NULL && (const void *)d != (const void *)device; d = d->next) {
    }
    pthread_mutex_unlock(&lock);
    return d != NULL;
}

dvt_device *dvf_record_device_below(dvt_device *device) {
    return device != NULL && is_ours(device) ? dvf_recorded(device)->below : device;
}

uint64_t dvf_record_device_number(dvt_device *device) {
    return device != NULL && is_ours(device) ? dvf_recorded(device)->number : 0;
}

static void put_device(dvf_recording *record, const dvf_recorded_device *device) {
    dvf_text_put(&record->text, ",\"device\":%llu", (unsigned long long)device->number);
}

static dvt_status device_count(const dvt_host *host, uint32_t *count, dvt_error *error) {
    dvf_recorder *recorder = dvf_recorder_of(host);
    dvf_recording record;
    dvf_recording_start(&record, recorder, "device_count");
    dvf_recording_begin(&record);
    dvt_status status = recorder->below.device.device_count(recorder->below.host, count, error);
    dvf_recording_end(&record, status, error);
    dvf_text_put(&record.text, ",\"count\":%u", *count);
    dvf_recording_finish(&record);
    return status;
}

static dvt_status device_open(const dvt_device_desc *above, dvt_device **device, dvt_error *error) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    dvf_recorder *recorder = dvf_recorder_of(above->host);
    dvf_recorded_device *d = calloc(1, sizeof *d);
    if (d == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to record a device");
    pthread_once(&once, guard_forks);
    d->recorder = recorder;
    d->number = atomic_fetch_add(&recorder->handles, 1) + 1;
    dvf_recording record;
    dvf_recording_start(&record, recorder, "device_open");
    put_device(&record, d);
    dvf_text_put(&record.text, ",\"ordinal\":%u,\"options\":", above->ordinal);
    dvf_record_attrs(recorder, &record.text, above->options, above->n_options, NULL);
    dvf_record_extensions(&record.text, above->ext);
    dvf_recording_begin(&record);
    dvt_device_desc desc = *above;
    desc.host = recorder->below.host;
    dvt_status status = recorder->below.device.device_open(&desc, &d->below, error);
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    if (status != DVT_OK) {
        free(d);
        return status;
    }
    pthread_mutex_lock(&lock);
    d->next = open_devices;
    open_devices = d;
    pthread_mutex_unlock(&lock);
    *device = (dvt_device *)(void *)d;
    return DVT_OK;
}

static void device_close(dvt_device *handle) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recording record;
    dvf_recording_start(&record, d->recorder, "device_close");
    put_device(&record, d);
    dvf_recording_begin(&record);
    if (d->own != NULL && d->recorder->below.device.stream_destroy != NULL)
        d->recorder->below.device.stream_destroy(d->own);
    d->recorder->below.device.device_close(d->below);
    dvf_recording_end(&record, DVT_OK, NULL);
    dvf_recording_finish(&record);
    dvf_record_forget_streams(d);
    pthread_mutex_lock(&lock);
    for (dvf_recorded_device **at = &open_devices; *at != NULL; at = &(*at)->next) {
        if (*at == d) {
            *at = d->next;
            break;
        }
    }
    pthread_mutex_unlock(&lock);
    free(d);
}

static void learn_spaces(dvf_recorded_device *d, const dvt_device_info *info) {
    d->described = 1;
    d->n_spaces = 0;
    for (uint32_t i = 0; info->spaces != NULL && i < info->n_spaces && i < DVF_RECORD_SPACES; i++) {
        dvt_memory_space space = {0};
        uint32_t size = info->spaces[i]->struct_size;
        memcpy(&space, info->spaces[i], size < sizeof space ? size : sizeof space);
        d->places[i] = space.place;
        d->space_flags[i] = space.flags;
        d->n_spaces = i + 1;
    }
}

static void put_text(dvf_text *text, const char *member, const char *value) {
    dvf_text_put(text, ",\"%s\":", member);
    dvf_text_string(text, value, SIZE_MAX);
}

static dvt_status device_info(dvt_device *handle, dvt_device_info *info, dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recording record;
    dvf_recording_start(&record, d->recorder, "device_info");
    put_device(&record, d);
    dvf_recording_begin(&record);
    dvt_status status = d->recorder->below.device.device_info(d->below, info, error);
    dvf_recording_end(&record, status, error);
    if (status == DVT_OK) {
        learn_spaces(d, info);
        put_text(&record.text, "name", info->name);
        put_text(&record.text, "vendor", info->vendor);
        put_text(&record.text, "architecture", info->architecture);
        put_text(&record.text, "driver", info->driver);
        put_text(&record.text, "compatibility_key", info->compatibility_key);
        dvf_text_put(&record.text, ",\"shapes\":%u,\"properties\":", info->shapes);
        dvf_record_attrs(d->recorder, &record.text, info->properties, info->n_properties, NULL);
        dvf_text_put(&record.text, ",\"spaces\":[");
        for (uint32_t i = 0; i < d->n_spaces; i++)
            dvf_text_put(&record.text, "%s{\"flags\":%u,\"place\":[%d,%d]}", i > 0 ? "," : "",
                         d->space_flags[i], d->places[i].type, d->places[i].id);
        dvf_text_put(&record.text, "]");
    }
    dvf_recording_finish(&record);
    return status;
}

static dvt_status device_memory(dvt_device *handle, uint32_t space, uint64_t *free_bytes,
                                uint64_t *total_bytes, dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recording record;
    dvf_recording_start(&record, d->recorder, "device_memory");
    put_device(&record, d);
    dvf_text_put(&record.text, ",\"space\":%u", space);
    dvf_recording_begin(&record);
    dvt_status status =
        d->recorder->below.device.device_memory(d->below, space, free_bytes, total_bytes, error);
    dvf_recording_end(&record, status, error);
    if (status == DVT_OK)
        dvf_text_put(&record.text, ",\"free\":%llu,\"total\":%llu", (unsigned long long)*free_bytes,
                     (unsigned long long)*total_bytes);
    dvf_recording_finish(&record);
    return status;
}

static dvt_status device_sync(dvt_device *handle, dvt_error *error) {
    dvf_recorded_device *d = dvf_recorded(handle);
    dvf_recording record;
    dvf_recording_start(&record, d->recorder, "device_sync");
    put_device(&record, d);
    dvf_recording_begin(&record);
    dvt_status status = d->recorder->below.device.device_sync(d->below, error);
    dvt_status late = status == DVT_OK ? dvf_record_take_late(d, NULL, error) : DVT_OK;
    if (late != DVT_OK) status = late;
    dvf_recording_end(&record, status, error);
    dvf_recording_finish(&record);
    return status;
}

static void after_fork_child(dvt_device *handle) {
    dvf_recorded_device *d = dvf_recorded(handle);
    d->recorder->below.device.after_fork_child(d->below);
    d->own = NULL; /* it lives in the parent */
}

void dvf_record_devices(dvt_device_api *api) {
    if (api->device_count != NULL) api->device_count = device_count;
    api->device_open = device_open;
    if (api->device_close != NULL) api->device_close = device_close;
    api->device_info = device_info;
    if (api->device_memory != NULL) api->device_memory = device_memory;
    if (api->device_sync != NULL) api->device_sync = device_sync;
    if (api->after_fork_child != NULL) api->after_fork_child = after_fork_child;
}
