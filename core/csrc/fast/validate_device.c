/* Slots about devices as such: count, open, describe, close. */
#include "validate_order.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static dvt_status device_count(const dvt_host *host, uint32_t *count, dvt_error *error) {
    dvv_frame f;
    dvv_layer *v = dvv_layer_of(host);
    dvv_open(&f, v, "device_count", NULL, error);
    dvt_status status = DVT_INTERNAL;
    if (v == NULL) {
        dvv_blame_host(&f, "the host table is not the one of this plugin");
    } else {
        dvv_calling(&f);
        status = v->below.device.device_count(&v->down, count, &f.error);
        if (status == DVT_OK && *count > 4096) dvv_blame_plugin(&f, "it counts %u devices", *count);
    }
    return dvv_close(&f, status, 0);
}

/* ---- describing ---------------------------------------------------------------------------------- */

static void check_text(dvv_frame *f, const char *what, const char *text) {
    if (text != NULL && !dvv_is_utf8(text, 4096, NULL))
        dvv_blame_plugin(f, "%s is no UTF-8 text of at most 4096 bytes", what);
}

static void check_space(dvv_frame *f, uint32_t index, const dvt_memory_space *given) {
    const uint32_t least = offsetof(dvt_memory_space, capacity) + sizeof given->capacity;
    if (given == NULL) {
        dvv_blame_plugin(f, "spaces[%u] is null", index);
        return;
    }
    if (given->struct_size < least || given->struct_size > 65536) {
        dvv_blame_plugin(
            f,
            "spaces[%u].struct_size is %u, but a dvt_memory_space of ABI 1.0 takes %u; "
            "set it to sizeof",
            index, given->struct_size, least);
        return;
    }
    if (given->alignment != 0 && !dvv_power_of_two(given->alignment))
        dvv_blame_plugin(f, "spaces[%u].alignment is %u, which is no power of two", index,
                         given->alignment);
    if (given->kind < DVT_SPACE_DEVICE || given->kind > DVT_SPACE_MANAGED)
        dvv_blame_plugin(f, "spaces[%u].kind is %u, which is no DVT_SPACE_...", index, given->kind);
    if ((given->flags & DVT_SPACE_OPAQUE) && (given->flags & DVT_SPACE_HOST_VISIBLE))
        dvv_blame_plugin(
            f, "spaces[%u] is both opaque and host-visible: a handle is no host pointer", index);
    if (given->name == NULL) dvv_blame_plugin(f, "spaces[%u].name is null", index);
    check_text(f, "the name of a space", given->name);
}

static void check_info(dvv_frame *f, const dvt_device_info *info) {
    if (info->n_spaces > 0 && info->spaces == NULL)
        dvv_blame_plugin(f, "it has %u memory spaces, but spaces is null", info->n_spaces);
    if (info->n_properties > 0 && info->properties == NULL)
        dvv_blame_plugin(f, "it has %u properties, but properties is null", info->n_properties);
    if (info->shapes > DVT_SHAPES_SYMBOLIC)
        dvv_blame_plugin(f, "its shapes is %u, which is no DVT_SHAPES_...", info->shapes);
    if (info->n_spaces > DVV_MOST_SPACES)
        dvv_blame_plugin(f, "it has %u memory spaces", info->n_spaces);
    for (uint32_t i = 0; info->spaces != NULL && i < info->n_spaces && i < DVV_MOST_SPACES; i++)
        check_space(f, i, info->spaces[i]);
    check_text(f, "dvt_device_info.name", info->name);
    check_text(f, "dvt_device_info.vendor", info->vendor);
    check_text(f, "dvt_device_info.architecture", info->architecture);
    check_text(f, "dvt_device_info.driver", info->driver);
    check_text(f, "dvt_device_info.compatibility_key", info->compatibility_key);
}

/* Ask the plugin, and judge what it says. */
static dvt_status describe(dvv_frame *f, dvt_device *below, dvt_device_info *info) {
    struct {
        dvt_device_info info;
        uint8_t tail[DVV_TAIL];
    } answer;
    memset(&answer, 0, sizeof answer);
    answer.info.struct_size = sizeof answer.info;
    dvv_tail_set(answer.tail);
    dvv_calling(f);
    dvt_status status = f->layer->below.device.device_info(below, &answer.info, &f->error);
    dvv_tail_check(f, "dvt_device_info", answer.tail, answer.info.struct_size, sizeof answer.info);
    if (status == DVT_OK) check_info(f, &answer.info);
    answer.info.struct_size = sizeof answer.info;
    *info = answer.info;
    return status;
}

static dvt_status device_info(dvt_device *handle, dvt_device_info *info, dvt_error *error) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "device_info", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    if (info->struct_size != sizeof *info)
        dvv_blame_host(&f, "dvt_device_info has struct_size %u instead of %zu", info->struct_size,
                       sizeof *info);
    dvt_status status = describe(&f, d->handle.below, info);
    return dvv_close(&f, status, 0);
}

/* ---- opening and closing ------------------------------------------------------------------------- */

static void forget(dvv_handle *handle) {
    free(((dvv_device *)handle)->spaces);
}

/* Of an info that was judged; null without memory. */
static dvv_space *learn_spaces(const dvt_device_info *info) {
    dvv_space *spaces = calloc((size_t)info->n_spaces + 1, sizeof *spaces);
    for (uint32_t i = 0; spaces != NULL && i < info->n_spaces; i++) {
        const dvt_memory_space *given = info->spaces[i];
        spaces[i] = (dvv_space){given->flags, given->alignment != 0 ? given->alignment : 64};
    }
    return spaces;
}

static dvt_status open_below(dvv_frame *f, const dvt_device_desc *desc, dvt_device **out) {
    dvv_layer *v = f->layer;
    const dvt_device_api *api = &v->below.device;
    dvt_device_desc inner = *desc;
    dvv_snapshot before;
    dvt_device *below = NULL;
    inner.host = &v->down;
    dvv_snapshot_take(&before);
    dvv_calling(f);
    dvt_status status = api->device_open(&inner, &below, &f->error);
    char text[300];
    if (dvv_snapshot_restore(&before, text, sizeof text)) dvv_blame_plugin(f, "%s", text);
    if (status != DVT_OK) return status;
    if (below == NULL) {
        dvv_blame_plugin(f, "it said OK and gave no device");
        return DVT_INTERNAL;
    }
    dvt_device_info info;
    status = describe(f, below, &info);
    dvv_device *d = NULL;
    dvv_space *spaces = NULL;
    if (status == DVT_OK && atomic_load(&f->found) == 0) spaces = learn_spaces(&info);
    if (spaces != NULL) d = dvv_handle_new(sizeof *d, DVV_DEVICE, v, below, NULL);
    if (d == NULL) {
        free(spaces);
        if (api->device_close != NULL) api->device_close(below);
        return status != DVT_OK ? status
                                : dvt_set_error(&f->error, DVT_OUT_OF_MEMORY,
                                                "validation: no memory for a device");
    }
    snprintf(d->label, sizeof d->label, "%.32s:%u", v->below.table.name, desc->ordinal);
    d->handle.forget = forget;
    d->n_spaces = info.n_spaces;
    d->spaces = spaces;
    *out = (dvt_device *)(void *)d;
    return DVT_OK;
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    dvv_frame f;
    dvv_layer *v = dvv_layer_of(desc->host);
    dvv_open(&f, v, "device_open", NULL, error);
    dvt_status status = DVT_INTERNAL;
    if (v == NULL) {
        dvv_blame_host(&f, "dvt_device_desc.host is not the host table of this plugin");
    } else {
        dvv_check_desc(&f, "dvt_device_desc", desc->struct_size, sizeof *desc, desc->ext);
        if (atomic_load(&f.found) == 0) status = open_below(&f, desc, device);
    }
    return dvv_close(&f, status, DVV_MAKES);
}

static bool warn_left(dvv_layer *v, const dvv_device *d, uint64_t count, const char *what) {
    char text[200];
    if (count == 0) return false;
    snprintf(text, sizeof text,
             "validation: device_close of %s: the host closes %s and has not given back %" PRIu64
             " %s",
             v->below.table.name, d->label, count, what);
    v->below.host->log(v->below.host, DVT_LOG_WARNING, text);
    return true;
}

/* Warn about what the host has not given back; whether there was any. A host may let arrays and kernels
 * outlive the device when the process ends, so this is no finding. */
static bool warn_leaks(dvv_layer *v, dvv_device *d) {
    const dvt_device_api *api = &v->below.device;
    uint64_t bytes = 0;
    bool left = false;
    if (api->stream_destroy != NULL) /* else they live with the device */
        left = warn_left(v, d, dvv_handles_of(v, &d->handle, DVV_STREAM), "streams") || left;
    if (api->event_destroy != NULL)
        left = warn_left(v, d, dvv_handles_of(v, &d->handle, DVV_EVENT), "events") || left;
    left = warn_left(v, d, dvv_handles_of(v, &d->handle, DVV_KERNEL), "kernels") || left;
    left = warn_left(v, d, dvv_handles_of(v, &d->handle, DVV_EXECUTABLE), "executables") || left;
    dvv_handles_end(&d->handle, "device_close");
    return warn_left(v, d, dvv_blocks_end(v, d, &bytes), "blocks of memory") || left;
}

static void device_close(dvt_device *handle) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "device_close", handle, DVV_DEVICE, DVV_LAST, NULL);
    if (d != NULL) {
        bool left = warn_leaks(f.layer, d);
        dvv_calling(&f);
        f.layer->below.device.device_close(d->handle.below);
        /* With everything given back, the plugin has no reason to hold the host's memory. */
        if (!left && dvv_handles_of(f.layer, NULL, DVV_DEVICE) == 1) dvv_check_loans(&f);
    }
    dvv_close_void(&f);
}

static void after_fork_child(dvt_device *handle) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "after_fork_child", handle, DVV_DEVICE, DVV_SINGLE, NULL);
    if (d != NULL) {
        dvv_calling(&f);
        f.layer->below.device.after_fork_child(d->handle.below);
    }
    dvv_close_void(&f);
}

/* ---- the rest ------------------------------------------------------------------------------------ */

static dvt_status device_memory(dvt_device *handle, uint32_t space, uint64_t *free_bytes,
                                uint64_t *total_bytes, dvt_error *error) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "device_memory", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.device_memory(d->handle.below, space, free_bytes,
                                                            total_bytes, &f.error);
    if (status == DVT_OK && *total_bytes != 0 && *free_bytes > *total_bytes)
        dvv_blame_plugin(&f, "it says that %" PRIu64 " of %" PRIu64 " bytes are free", *free_bytes,
                         *total_bytes);
    return dvv_close(&f, status, DVV_MAY_REFUSE);
}

static dvt_status device_sync(dvt_device *handle, dvt_error *error) {
    dvv_frame f;
    dvv_device *d = dvv_open_by(&f, "device_sync", handle, DVV_DEVICE, DVV_SHARED, error);
    if (d == NULL) return dvv_close(&f, DVT_INTERNAL, 0);
    dvv_calling(&f);
    dvt_status status = f.layer->below.device.device_sync(d->handle.below, &f.error);
    dvv_order_all_done(f.layer, d);
    return dvv_close(&f, status, 0);
}

void dvv_wrap_device(dvv_layer *layer, dvt_device_api *api) {
    (void)layer;
    if (api->device_count != NULL) api->device_count = device_count;
    if (api->device_open != NULL) api->device_open = device_open;
    if (api->device_info != NULL) api->device_info = device_info;
    if (api->device_close != NULL) api->device_close = device_close;
    if (api->after_fork_child != NULL) api->after_fork_child = after_fork_child;
    if (api->device_memory != NULL) api->device_memory = device_memory;
    if (api->device_sync != NULL) api->device_sync = device_sync;
}
