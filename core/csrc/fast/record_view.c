/* Views and attributes in a recording: what they are, and their data, fetched from wherever they lie.
 *
 * Data are written contiguous (row-major), whatever the view's strides: the view itself says them. */
#include "record.h"

#include <stdlib.h>
#include <string.h>

#define MOST_AXES 64

static void put_list(dvf_text *text, const char *name, const int64_t *numbers, int32_t n) {
    dvf_text_put(text, ",\"%s\":[", name);
    for (int32_t i = 0; i < n; i++)
        dvf_text_put(text, "%s%lld", i > 0 ? "," : "", (long long)numbers[i]);
    dvf_text_put(text, "]");
}

/* Number of elements; -1 where a dimension is a symbol, or nonsense. */
static int64_t count_of(const dvt_tensor *view) {
    int64_t n = 1;
    if (view->ndim < 0 || view->ndim > MOST_AXES) return -1;
    for (int32_t i = 0; i < view->ndim; i++) {
        if (view->shape[i] < 0 || __builtin_mul_overflow(n, view->shape[i], &n)) return -1;
    }
    return n;
}

static int is_contiguous(const dvt_tensor *view) {
    int64_t stride = 1;
    for (int32_t i = view->ndim - 1; i >= 0; i--) {
        if (view->shape[i] != 1 && view->strides[i] != stride) return 0;
        stride *= view->shape[i];
    }
    return 1;
}

static uint64_t bits_of(const dvt_tensor *view) {
    return (uint64_t)view->dtype.bits * view->dtype.lanes;
}

static void gather(char *to, const dvt_tensor *view, int64_t count, size_t size) {
    const char *from = (const char *)view->data + view->byte_offset;
    int64_t at[MOST_AXES] = {0}, offset = 0;
    for (int64_t i = 0; i < count; i++) {
        memcpy(to + (size_t)i * size, from + offset * (int64_t)size, size);
        for (int32_t d = view->ndim - 1; d >= 0; d--) {
            offset += view->strides[d];
            if (++at[d] < view->shape[d]) break;
            offset -= at[d] * view->strides[d];
            at[d] = 0;
        }
    }
}

/* Whether the host can read the view; its device may call a space of its own host-visible. */
static int on_host(const dvt_tensor *view, const dvf_recorded_device *device) {
    if (device == NULL) return 1;
    if (device->n_spaces == 0) return device->described; /* no spaces: one, on the host */
    uint32_t readable = DVT_SPACE_HOST_VISIBLE | DVT_SPACE_COHERENT;
    for (uint32_t i = 0; i < device->n_spaces; i++) {
        const dvt_place *p = &device->places[i];
        if (p->type == view->place.type && p->id == view->place.id)
            return (device->space_flags[i] & readable) == readable;
    }
    switch (view->place.type) {
    case DVT_PLACE_CPU:
    case DVT_PLACE_CUDA_HOST:
    case DVT_PLACE_ROCM_HOST:
        return 1;
    default:
        return 0;
    }
}

/* The data through the plugin's own copy, done on return. Null with *why on failure. */
static void *fetch(dvf_recorded_device *device, const dvt_tensor *view, uint64_t size,
                   const char **why) {
    const dvf_plugin *below = &device->recorder->below;
    *why = "its device has no copy";
    if (below->device.copy == NULL) return NULL;
    *why = "no memory to fetch it";
    void *bytes = below->host->host_alloc(below->host, size, 64);
    if (bytes == NULL) return NULL;
    int64_t strides[MOST_AXES], stride = 1;
    for (int32_t i = view->ndim - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= view->shape[i];
    }
    dvt_tensor target = *view;
    target.data = bytes;
    target.byte_offset = 0;
    target.place = (dvt_place){DVT_PLACE_CPU, 0};
    target.strides = strides;
    dvt_copy copy = {.struct_size = (uint32_t)sizeof copy,
                     .source = view,
                     .destination = &target,
                     .source_device = device->below};
    dvt_error error = {.struct_size = (uint32_t)sizeof error};
    *why = "its device's copy failed";
    if (below->device.copy(device->below, &copy, &error) == DVT_OK) return bytes;
    below->host->host_free(below->host, bytes, size);
    return NULL;
}

void dvf_record_contents(dvf_recorder *recorder, dvf_text *text, const dvt_tensor *view,
                         dvf_recorded_device *device, int how) {
    int64_t count = count_of(view);
    if (text->closed || how == DVF_VIEW_SPEC || count <= 0 || view->data == NULL) return;
    if (recorder->file.data == DVF_RECORD_NONE) {
        dvf_record_bytes(&recorder->file, NULL, 0, text); /* says so, and reads nothing */
        return;
    }
    uint64_t bits = bits_of(view), size = ((uint64_t)count * bits + 7) / 8;
    const char *why = NULL;
    if (how == DVF_VIEW_PLACED && !on_host(view, device)) {
        void *bytes = fetch(device, view, size, &why);
        if (bytes != NULL) {
            dvf_record_bytes(&recorder->file, bytes, size, text);
            recorder->below.host->host_free(recorder->below.host, bytes, size);
        }
    } else if (is_contiguous(view)) {
        dvf_record_bytes(&recorder->file, (const char *)view->data + view->byte_offset, size, text);
    } else if (bits % 8 != 0) {
        why = "a strided view of elements below 8 bits";
    } else {
        char *bytes = malloc((size_t)size);
        if (bytes == NULL) {
            why = "no memory to gather it";
        } else {
            gather(bytes, view, count, (size_t)bits / 8);
            dvf_record_bytes(&recorder->file, bytes, size, text);
            free(bytes);
        }
    }
    if (why != NULL) dvf_text_put(text, ",\"missing\":\"%s\"", why);
}

void dvf_record_view(dvf_recorder *recorder, dvf_text *text, const dvt_tensor *view,
                     dvf_recorded_device *device, int how) {
    if (text->closed) return;
    if (view == NULL) {
        dvf_text_put(text, "null");
        return;
    }
    int32_t n = view->ndim < 0 || view->ndim > MOST_AXES ? 0 : view->ndim;
    dvf_text_put(text, "{\"dtype\":[%u,%u,%u],\"place\":[%d,%d],\"ndim\":%d", view->dtype.code,
                 view->dtype.bits, view->dtype.lanes, view->place.type, view->place.id, view->ndim);
    put_list(text, "shape", view->shape, n);
    if (view->strides != NULL) put_list(text, "strides", view->strides, n);
    if (view->data != NULL)
        dvf_text_put(text, ",\"address\":%llu,\"offset\":%llu",
                     (unsigned long long)(uintptr_t)view->data,
                     (unsigned long long)view->byte_offset);
    dvf_record_contents(recorder, text, view, device, how);
    dvf_text_put(text, "}");
}

void dvf_record_operands(dvf_recorder *recorder, dvf_text *text, const char *name,
                         const dvt_tensor *const *views, uint32_t n, dvf_recorded_device *device,
                         uint64_t on_host_mask, int how) {
    dvf_text_put(text, ",\"%s\":[", name);
    for (uint32_t i = 0; i < n && !text->closed; i++) {
        int here = how == DVF_VIEW_PLACED && i < 64 && (on_host_mask >> i & 1u);
        if (i > 0) dvf_text_put(text, ",");
        dvf_record_view(recorder, text, views[i], device, here ? DVF_VIEW_HOST : how);
    }
    dvf_text_put(text, "]");
}

void dvf_record_results(dvf_recording *record, dvt_status status, const dvt_call *call,
                        dvf_recorded_device *device, int all_on_host) {
    dvf_text *text = &record->text;
    dvt_status later = status == DVT_OK ? dvf_recording_settle(record, call->stream) : DVT_OK;
    dvf_text_put(text, ",\"outputs\":[");
    for (uint32_t i = 0; status == DVT_OK && later == DVT_OK && i < call->n_outputs; i++) {
        dvf_text_put(text, "%s{\"i\":%u", i > 0 ? "," : "", i);
        dvf_record_contents(record->recorder, text, call->outputs[i], device,
                            all_on_host ? DVF_VIEW_HOST : DVF_VIEW_PLACED);
        dvf_text_put(text, "}");
    }
    dvf_text_put(text, "]");
}

static void put_value(dvf_recorder *recorder, dvf_text *text, const dvt_attr *a, uint64_t i,
                      dvf_recorded_device *device) {
    switch (a->kind) {
    case DVT_ATTR_INT64:
        dvf_text_put(text, "%lld", (long long)((const int64_t *)a->values)[i]);
        break;
    case DVT_ATTR_FLOAT64:
        dvf_text_double(text, ((const double *)a->values)[i]);
        break;
    case DVT_ATTR_STRING:
        dvf_text_string(text, ((const char *const *)a->values)[i], SIZE_MAX);
        break;
    case DVT_ATTR_DTYPE: {
        const dvt_dtype *d = &((const dvt_dtype *)a->values)[i];
        dvf_text_put(text, "[%u,%u,%u]", d->code, d->bits, d->lanes);
        break;
    }
    case DVT_ATTR_TENSOR:
        dvf_record_view(recorder, text, ((const dvt_tensor *const *)a->values)[i], NULL,
                        DVF_VIEW_HOST);
        break;
    case DVT_ATTR_GRAPH:
        dvf_record_graph(recorder, text, ((const dvt_graph *const *)a->values)[i], device);
        break;
    default:
        dvf_text_put(text, "null"); /* a kind this host does not know */
    }
}

void dvf_record_attrs(dvf_recorder *recorder, dvf_text *text, const dvt_attr *attrs, uint32_t n,
                      dvf_recorded_device *device) {
    dvf_text_put(text, "[");
    for (uint32_t k = 0; k < n && !text->closed; k++) {
        const dvt_attr *a = &attrs[k];
        dvf_text_put(text, "%s{\"name\":", k > 0 ? "," : "");
        dvf_text_string(text, a->name, SIZE_MAX);
        dvf_text_put(text, ",\"kind\":%u,\"list\":%u,\"count\":%llu", a->kind, a->is_list,
                     (unsigned long long)a->count);
        if (a->kind == DVT_ATTR_BYTES) { /* data, not a list of numbers */
            if (a->count > 0) dvf_record_bytes(&recorder->file, a->values, a->count, text);
        } else {
            dvf_text_put(text, ",\"values\":[");
            for (uint64_t i = 0; i < a->count && !text->closed; i++) {
                if (i > 0) dvf_text_put(text, ",");
                put_value(recorder, text, a, i, device);
            }
            dvf_text_put(text, "]");
        }
        dvf_text_put(text, "}");
    }
    dvf_text_put(text, "]");
}

void dvf_record_extensions(dvf_text *text, const dvt_ext *ext) {
    if (ext == NULL) return;
    dvf_text_put(text, ",\"extensions\":[");
    for (const dvt_ext *e = ext; e != NULL; e = e->next) {
        if (e != ext) dvf_text_put(text, ",");
        dvf_text_string(text, e->name, SIZE_MAX);
    }
    dvf_text_put(text, "]");
}
