/* Views and attributes in a recording: what they are, and their data (record_fetch.c). */
#include "record.h"

static void put_list(dvf_text *text, const char *name, const int64_t *numbers, int32_t n) {
    dvf_text_put(text, ",\"%s\":[", name);
    for (int32_t i = 0; i < n; i++)
        dvf_text_put(text, "%s%lld", i > 0 ? "," : "", (long long)numbers[i]);
    dvf_text_put(text, "]");
}

/* Number of elements; -1 where a dimension is a symbol, or nonsense. */
static int64_t count_of(const dvt_tensor *view) {
    int64_t n = 1;
    if (view->ndim < 0 || view->ndim > DVF_RECORD_AXES) return -1;
    for (int32_t i = 0; i < view->ndim; i++) {
        if (view->shape[i] < 0 || __builtin_mul_overflow(n, view->shape[i], &n)) return -1;
    }
    return n;
}

void dvf_record_contents(dvf_recorder *recorder, dvf_text *text, const dvt_tensor *view,
                         dvf_recorded_device *device, int how) {
    int64_t count = count_of(view);
    if (text->closed || how == DVF_VIEW_SPEC || count <= 0 || view->data == NULL) return;
    if (recorder->file.data == DVF_RECORD_NONE) {
        dvf_record_bytes(&recorder->file, NULL, 0, text); /* says so, and reads nothing */
        return;
    }
    uint64_t bits = (uint64_t)view->dtype.bits * view->dtype.lanes;
    uint64_t size = ((uint64_t)count * bits + 7) / 8;
    void *owned = NULL;
    const char *why = NULL;
    const void *bytes = dvf_record_fetch(recorder, view, how == DVF_VIEW_PLACED ? device : NULL,
                                         size, &owned, &why);
    if (bytes != NULL)
        dvf_record_bytes(&recorder->file, bytes, size, text);
    else
        dvf_text_put(text, ",\"missing\":\"%s\"", why);
    if (owned != NULL) recorder->below.host->host_free(recorder->below.host, owned, size);
}

void dvf_record_view(dvf_recorder *recorder, dvf_text *text, const dvt_tensor *view,
                     dvf_recorded_device *device, int how) {
    if (text->closed) return;
    if (view == NULL) {
        dvf_text_put(text, "null");
        return;
    }
    int32_t n = view->ndim < 0 || view->ndim > DVF_RECORD_AXES ? 0 : view->ndim;
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
