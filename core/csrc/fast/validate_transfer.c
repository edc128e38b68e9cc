/* Slots about memory: alloc and release, import, map, copy and fill. */
#include "validate_call.h"
#include "validate_order.h"

#include <inttypes.h>
#include <string.h>

/* ---- allocation ------------------------------------------------------------------------------------ */

static uint64_t alignment_wanted(const dvv_device *d, const dvt_alloc_desc *desc) {
    if (desc->alignment != 0) return desc->alignment;
    return desc->space < d->n_spaces ? d->spaces[desc->space].alignment : 64;
}

/* The descriptor, with the plugin's own handles. False after a finding. */
static bool take_desc(dvv_frame *f, const dvv_device *d, const dvt_alloc_desc *desc,
                      dvt_alloc_desc *inner, dvv_stream **stream) {
    dvv_check_desc(f, "dvt_alloc_desc", desc->struct_size, sizeof *desc, desc->ext);
    if (desc->reserved != 0)
        dvv_blame_host(f, "dvt_alloc_desc.reserved is %u, not zero", desc->reserved);
    if (desc->space != 0 && desc->space >= d->n_spaces)
        dvv_blame_host(f, "space %u is asked for, but %s has %u", desc->space, d->label,
                       d->n_spaces);
    if (desc->alignment != 0 && !dvv_power_of_two(desc->alignment))
        dvv_blame_host(f, "the alignment %" PRIu64 " is no power of two", desc->alignment);
    if (!dvv_use_stream(f, desc->stream, d, stream)) return false;
    *inner = *desc;
    inner->stream = *stream != NULL ? (*stream)->handle.below : NULL;
    return atomic_load(&f->found) == 0;
}

/* Judge memory that the plugin gave for `inner`; what cannot be noted goes back. */
static dvt_status note_memory(dvv_frame *f, const dvv_device *d, dvt_alloc_desc *inner, void *data,
                              dvv_stream *stream, bool imported) {
    const dvt_device_api *api = &f->layer->below.device;
    const dvt_alloc_desc *desc = inner;
    char text[240];
    bool opaque = dvv_opaque(d, desc->space);
    uint64_t alignment = alignment_wanted(d, desc);
    dvv_block block = {.data = (uintptr_t)data,
                       .size = desc->size,
                       .space = desc->space,
                       .opaque = opaque,
                       .imported = imported,
                       .device = d};
    dvv_count(f->layer, DVV_MEMORY);
    if (data == NULL) {
        dvv_blame_plugin(f, "it said OK and gave no memory for %" PRIu64 " bytes", desc->size);
        return DVT_INTERNAL;
    }
    if (!imported && !opaque && (uintptr_t)data % alignment != 0)
        dvv_blame_plugin(f, "it gave %p, which is not aligned to %" PRIu64 " bytes", data,
                         alignment);
    if (dvv_block_add(f->layer, &block, text, sizeof text)) {
        dvv_order_alloc(f->layer, block.data, block.size, stream);
        return DVT_OK;
    }
    if (text[0] != '\0') {
        dvv_blame_plugin(f, "%s", text);
        return DVT_INTERNAL;
    }
    inner->data = data;
    if (imported)
        api->unimport_memory(d->handle.below, inner);
    else if (api->release != NULL)
        api->release(d->handle.below, inner);
    return dvt_set_error(&f->error, DVT_OUT_OF_MEMORY, "validation: no memory to note a block");
}

static dvt_status alloc(dvt_device *handle, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    dvv_frame f;
    dvt_alloc_desc inner;
    dvv_stream *stream = NULL;
    dvv_device *d = dvv_open_by(&f, "alloc", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    if (desc->size == 0) dvv_blame_host(&f, "no bytes are asked for");
    if (!take_desc(&f, d, desc, &inner, &stream)) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.alloc(d->handle.below, &inner, data, &f.error);
    if (status == DVT_OK) status = note_memory(&f, d, &inner, *data, stream, false);
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAKES);
}

/* release and unimport: the block leaves the books first, since another thread may be given the same
 * address as soon as the plugin has it back. */
static void give_back(const char *slot, dvt_device *handle, const dvt_alloc_desc *desc,
                      bool imported) {
    dvv_frame f;
    dvt_alloc_desc inner;
    char text[240];
    dvv_stream *stream = NULL;
    dvv_device *d = dvv_open_by(&f, slot, handle, DVV_DEVICE, DVV_SHARED, NULL);
    if (d != NULL && take_desc(&f, d, desc, &inner, &stream)) {
        dvv_count(f.layer, DVV_MEMORY);
        dvv_order_release(&f, (uintptr_t)desc->data, stream);
        if (!dvv_block_remove(f.layer, d, (uintptr_t)desc->data, desc->size, imported, text,
                              sizeof text)) {
            dvv_blame_host(&f, "%s", text);
        } else {
            const dvt_device_api *api = &f.layer->below.device;
            dvv_calling(&f);
            (imported ? api->unimport_memory : api->release)(d->handle.below, &inner);
        }
    }
    dvv_close_void(&f);
}

static void release(dvt_device *handle, const dvt_alloc_desc *desc) {
    give_back("release", handle, desc, false);
}

static dvt_status import_memory(dvt_device *handle, const dvt_alloc_desc *desc, void **data,
                                dvt_error *error) {
    dvv_frame f;
    dvt_alloc_desc inner;
    dvv_stream *stream = NULL;
    dvv_device *d = dvv_open_by(&f, "import_memory", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    if (desc->data == NULL || desc->size == 0)
        dvv_blame_host(&f, "%" PRIu64 " bytes at %p are to be imported", desc->size, desc->data);
    if (!take_desc(&f, d, desc, &inner, &stream)) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status =
        f.layer->below.device.import_memory(d->handle.below, &inner, data, &f.error);
    /* Without unimport there is nothing to pair it with, and no way to know when it ends. */
    if (status == DVT_OK && f.layer->below.device.unimport_memory != NULL)
        status = note_memory(&f, d, &inner, *data, stream, true);
    return dvv_close(&f, status, DVV_MAY_REFUSE | DVV_MAKES);
}

static void unimport_memory(dvt_device *handle, const dvt_alloc_desc *desc) {
    give_back("unimport_memory", handle, desc, true);
}

/* ---- map ------------------------------------------------------------------------------------------- */

static bool check_map(dvv_frame *f, const dvv_device *d, const dvt_map_desc *desc) {
    dvv_check_desc(f, "dvt_map_desc", desc->struct_size, sizeof *desc, desc->ext);
    if ((desc->flags & ~(uint32_t)(DVT_MAP_READ | DVT_MAP_WRITE)) != 0 || desc->flags == 0)
        dvv_blame_host(f, "dvt_map_desc.flags is 0x%x, which is neither READ nor WRITE",
                       desc->flags);
    dvv_count(f->layer, DVV_MEMORY);
    pthread_mutex_lock(&f->layer->lock);
    const dvv_block *b = dvv_block_at(f->layer, (uintptr_t)desc->data, dvv_opaque(d, 0));
    uint64_t at = b != NULL ? (uintptr_t)desc->data - b->data + desc->offset : 0;
    bool inside = b != NULL && at <= b->size && desc->size <= b->size - at;
    pthread_mutex_unlock(&f->layer->lock);
    if (!inside)
        dvv_blame_host(f, "%" PRIu64 " bytes at %p + %" PRIu64 " are not in live memory",
                       desc->size, desc->data, desc->offset);
    return atomic_load(&f->found) == 0;
}

static dvt_status map(dvt_device *handle, const dvt_map_desc *desc, void **host_data,
                      dvt_error *error) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "map", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL || !check_map(&f, d, desc)) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.map(d->handle.below, desc, host_data, &f.error);
    if (status == DVT_OK && *host_data == NULL)
        dvv_blame_plugin(&f, "it said OK and gave no host pointer");
    return dvv_close(&f, status, DVV_MAY_REFUSE);
}

static dvt_status unmap(dvt_device *handle, const dvt_map_desc *desc, dvt_error *error) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "unmap", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL || !check_map(&f, d, desc)) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    return dvv_close(&f, f.layer->below.device.unmap(d->handle.below, desc, &f.error), 0);
}

/* ---- copy and fill --------------------------------------------------------------------------------- */

/* One end of a copy: null for host memory, ours, or a device of another plugin, which is not ours to
 * judge and reaches the plugin as the other one gave it. */
static bool take_end(dvv_frame *f, dvt_device **handle, dvv_device **ours) {
    dvv_handle *h = *handle != NULL ? dvv_handle_find(*handle) : NULL;
    *ours = NULL;
    if (h == NULL) return true;
    if (h->layer != f->layer) {
        if (h->ended_by != NULL) {
            dvv_blame_host(f, "one end of the copy is a device of %s that was closed",
                           h->layer->below.table.name);
            return false;
        }
        *handle = h->below;
        return true;
    }
    *ours = dvv_use(f, *handle, DVV_DEVICE, DVV_SHARED);
    if (*ours == NULL) return false;
    *handle = (*ours)->handle.below;
    return true;
}

static bool check_end(dvv_frame *f, const char *role, const dvt_tensor *t, unsigned promises,
                      const dvv_device *ours, const dvt_device *given) {
    dvv_span span;
    if (ours == NULL) promises |= given == NULL ? DVV_ON_HOST : DVV_ELSEWHERE;
    return dvv_check_view(f, role, 0, t, promises | DVV_ANY_STRIDES | DVV_ANY_ALIGNMENT, ours,
                          &span);
}

static bool same_shape(const dvt_tensor *a, const dvt_tensor *b) {
    if (a->ndim != b->ndim || memcmp(&a->dtype, &b->dtype, sizeof a->dtype) != 0) return false;
    return a->ndim == 0 || memcmp(a->shape, b->shape, (size_t)a->ndim * sizeof *a->shape) == 0;
}

static dvt_status copy(dvt_device *handle, const dvt_copy *desc, dvt_error *error) {
    dvv_frame f;
    dvt_copy inner = *desc;
    dvv_stream *stream = NULL;
    dvv_device *from, *to;
    dvv_device *d = dvv_open_by(&f, "copy", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    f.tag = desc->tag;
    dvv_check_desc(&f, "dvt_copy", desc->struct_size, sizeof *desc, desc->ext);
    if (!take_end(&f, &inner.source_device, &from) ||
        !take_end(&f, &inner.destination_device, &to) ||
        !dvv_use_stream(&f, desc->stream, d, &stream))
        return dvv_close(&f, DVT_INTERNAL, 0);
    inner.stream = stream != NULL ? stream->handle.below : NULL;
    if (from == NULL && to == NULL && !dvv_on_host(d))
        dvv_blame_host(&f, "neither end of the copy is a device of this plugin");
    bool good =
        check_end(&f, "source", desc->source, 0, from, desc->source_device) &&
        check_end(&f, "destination", desc->destination, DVV_WRITTEN, to, desc->destination_device);
    if (good && !same_shape(desc->source, desc->destination))
        dvv_blame_host(&f, "source and destination differ in shape or type");
    if (good && inner.source_device == inner.destination_device &&
        dvv_overlap(desc->source, desc->destination, dvv_opaque(from, 0)))
        dvv_blame_host(&f, "source and destination overlap");
    if (good && from != NULL) dvv_order_views(&f, &desc->source, 1, NULL, 0, from, stream);
    if (good && to != NULL) dvv_order_views(&f, NULL, 0, &desc->destination, 1, to, stream);
    if (atomic_load(&f.found) != 0) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.copy(d->handle.below, &inner, &f.error);
    return dvv_close(&f, status, DVV_MAY_REFUSE);
}

static dvt_status fill(dvt_device *handle, const dvt_fill *desc, dvt_error *error) {
    dvv_frame f;
    dvt_fill inner = *desc;
    dvv_stream *stream = NULL;
    dvv_device *d = dvv_open_by(&f, "fill", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    f.tag = desc->tag;
    dvv_check_desc(&f, "dvt_fill", desc->struct_size, sizeof *desc, desc->ext);
    if (desc->pattern == NULL) dvv_blame_host(&f, "dvt_fill.pattern is null");
    if (dvv_use_stream(&f, desc->stream, d, &stream) &&
        check_end(&f, "destination", desc->destination, DVV_WRITTEN, d, handle))
        dvv_order_views(&f, NULL, 0, &desc->destination, 1, d, stream);
    if (atomic_load(&f.found) != 0) return dvv_close(&f, DVT_INTERNAL, 0);
    inner.stream = stream != NULL ? stream->handle.below : NULL;
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.fill(d->handle.below, &inner, &f.error);
    return dvv_close(&f, status, DVV_MAY_REFUSE);
}

void dvv_wrap_transfer(dvv_layer *layer, dvt_device_api *api) {
    (void)layer;
    if (api->alloc != NULL) api->alloc = alloc;
    if (api->release != NULL) api->release = release;
    if (api->import_memory != NULL) api->import_memory = import_memory;
    if (api->unimport_memory != NULL) api->unimport_memory = unimport_memory;
    if (api->map != NULL) api->map = map;
    if (api->unmap != NULL) api->unmap = unmap;
    if (api->copy != NULL) api->copy = copy;
    if (api->fill != NULL) api->fill = fill;
}
