/* The data of a view for a recording, from wherever they lie.
 *
 * They are written contiguous (row-major), whatever the view's strides: the view itself says them. What
 * the host cannot read comes through the plugin's own copy, or through its map. */
#include "record.h"

#include <string.h>

static int is_contiguous(const dvt_tensor *view) {
    int64_t stride = 1;
    for (int32_t i = view->ndim - 1; i >= 0; i--) {
        if (view->shape[i] != 1 && view->strides[i] != stride) return 0;
        stride *= view->shape[i];
    }
    return 1;
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

/* Elements one after the other. `from` is the first of them, `size` their bytes each. */
static void gather(char *to, const char *from, const dvt_tensor *view, size_t size) {
    int64_t at[DVF_RECORD_AXES] = {0}, offset = 0;
    int32_t axis;
    do {
        memcpy(to, from + offset * (int64_t)size, size);
        to += size;
        for (axis = view->ndim - 1; axis >= 0; axis--) {
            offset += view->strides[axis];
            if (++at[axis] < view->shape[axis]) break;
            offset -= at[axis] * view->strides[axis];
            at[axis] = 0;
        }
    } while (axis >= 0);
}

static int by_copy(dvf_recorded_device *device, const dvt_tensor *view, void *bytes) {
    const dvt_device_api *api = &device->recorder->below.device;
    int64_t strides[DVF_RECORD_AXES], stride = 1;
    for (int32_t i = view->ndim - 1; i >= 0; i--) {
        strides[i] = stride;
        stride *= view->shape[i];
    }
    dvt_tensor target = *view;
    target.data = bytes;
    target.byte_offset = 0;
    target.place = (dvt_place){DVT_PLACE_CPU, 0};
    target.strides = strides;
    /* On a stream where the device has streams, as the core does. */
    dvt_stream *stream = dvf_record_own_stream(device);
    dvt_copy copy = {.struct_size = (uint32_t)sizeof copy,
                     .source = view,
                     .destination = &target,
                     .source_device = device->below,
                     .stream = stream};
    dvt_error error = {.struct_size = (uint32_t)sizeof error};
    if (api->copy(device->below, &copy, &error) != DVT_OK) return 0;
    return stream == NULL || api->stream_sync(stream, &error) == DVT_OK;
}

static int by_map(dvf_recorded_device *device, const dvt_tensor *view, void *bytes, size_t item) {
    const dvt_device_api *api = &device->recorder->below.device;
    int64_t low = 0, high = 0; /* elements before and behind the first */
    for (int32_t i = 0; i < view->ndim; i++) {
        int64_t reach = (view->shape[i] - 1) * view->strides[i];
        *(reach < 0 ? &low : &high) += reach;
    }
    dvt_map_desc desc = {.struct_size = (uint32_t)sizeof desc,
                         .flags = DVT_MAP_READ,
                         .data = view->data,
                         .offset = view->byte_offset - (uint64_t)-low * item,
                         .size = (uint64_t)(high - low + 1) * item};
    dvt_error error = {.struct_size = (uint32_t)sizeof error};
    void *address = NULL;
    if (api->map(device->below, &desc, &address, &error) != DVT_OK || address == NULL) return 0;
    gather(bytes, (const char *)address - low * (int64_t)item, view, item);
    return api->unmap(device->below, &desc, &error) == DVT_OK;
}

const void *dvf_record_fetch(dvf_recorder *recorder, const dvt_tensor *view,
                             dvf_recorded_device *device, uint64_t size, void **owned,
                             const char **why) {
    const dvt_device_api *api = &recorder->below.device;
    const dvt_host *host = recorder->below.host;
    int here = on_host(view, device);
    size_t bits = (size_t)view->dtype.bits * view->dtype.lanes;
    const char *first = (const char *)view->data + view->byte_offset;
    if (here && is_contiguous(view)) return first;
    int copies = !here && api->copy != NULL;
    *why = "a strided view of elements below 8 bits";
    if (bits % 8 != 0 && !copies) return NULL;
    *why = "its device has neither copy nor map";
    if (!here && !copies && (api->map == NULL || api->unmap == NULL)) return NULL;
    *why = "no memory to fetch it";
    *owned = host->host_alloc(host, size, 64);
    if (*owned == NULL) return NULL;
    *why = copies ? "its device's copy failed" : "its device's map failed";
    if (here)
        gather(*owned, first, view, bits / 8);
    else if (!(copies ? by_copy(device, view, *owned) : by_map(device, view, *owned, bits / 8)))
        return NULL;
    return *owned;
}
