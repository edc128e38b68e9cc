/* The caching allocator: memory given back is kept by size class and handed out again, so that a
 * steady state makes no system call and takes no page fault. Runs under the interpreter lock.
 *
 * A buffer that comes back may still be written by enqueued work. It is handed out again at once all the
 * same: all work of a device is on one stream (stream.h), so the next owner's comes later. */
#include "answers.h"
#include "fast.h"
#include "stream.h"

#include <stdlib.h>
#include <string.h>

#define SMALL_STEP 64u
#define SMALL_LIMIT 1024u
#define SMALL_CLASSES ((int)(SMALL_LIMIT / SMALL_STEP))
#define STEPS_PER_DOUBLING 4

/* Classes: multiples of 64 bytes up to 1 KiB, then four per doubling (at most 25 % is unused). */
static int size_class(uint64_t size, uint64_t *rounded) {
    if (size <= SMALL_LIMIT) {
        uint64_t units = size == 0 ? 1 : (size + SMALL_STEP - 1) / SMALL_STEP;
        *rounded = units * SMALL_STEP;
        return (int)units - 1;
    }
    int log2 = 63 - __builtin_clzll(size - 1); /* 2^log2 < size <= 2^(log2+1), log2 >= 10 */
    uint64_t base = 1ull << log2, step = base / STEPS_PER_DOUBLING;
    uint64_t above = (size - base + step - 1) / step; /* 1..4 */
    *rounded = base + above * step;
    return SMALL_CLASSES + (log2 - 10) * STEPS_PER_DOUBLING + (int)above - 1;
}

/* Whether memory comes from the plugin; else from the host's allocator, which knows of no stream. */
static bool allocates(const dvf_device *device) {
    return device->plugin->has_device && device->plugin->device.alloc != NULL;
}

static void system_free(dvf_device *device, void *data, uint64_t size) {
    const dvt_device_api *api = &device->plugin->device;
    if (!dvf_alive(device)) return; /* its memory went with it */
    if (allocates(device)) {
        if (api->release != NULL) {
            dvt_alloc_desc desc = {.struct_size = (uint32_t)sizeof desc,
                                   .size = size,
                                   .stream = device->stream,
                                   .data = data};
            api->release(device->handle, &desc);
        }
        return;
    }
    if (device->queue != NULL) dvf_wait_silently(device);
    const dvt_host *host = device->plugin->host;
    host->host_free(host, data, size);
}

static void *system_alloc(dvf_device *device, uint64_t size, dvt_error *error, dvt_status *status) {
    const dvt_device_api *api = &device->plugin->device;
    *status = DVT_OK;
    if (allocates(device)) {
        dvt_alloc_desc desc = {
            .struct_size = (uint32_t)sizeof desc, .size = size, .stream = device->stream};
        void *data = NULL;
        *status = api->alloc(device->handle, &desc, &data, error);
        if (*status != DVT_OK) return NULL;
        if (data == NULL)
            *status = dvt_set_error(error, DVT_INTERNAL, "its alloc returned DVT_OK and no memory");
        if (device->host_memory && (uintptr_t)data % device->alignment != 0) {
            *status = dvt_set_error(error, DVT_INTERNAL,
                                    "its alloc returned memory less aligned than its space says");
            system_free(device, data, size);
            data = NULL;
        }
        return data;
    }
    const dvt_host *host = device->plugin->host;
    void *data = host->host_alloc(host, size, device->alignment);
    if (data == NULL) *status = DVT_OUT_OF_MEMORY;
    return data;
}

static void link_block(dvf_buffer *b) {
    b->older = b->device->blocks;
    if (b->older != NULL) b->older->newer = b;
    b->device->blocks = b;
}

/* Give a block back to whom it came from. */
static void drop(dvf_buffer *b) {
    if (b->newer != NULL) b->newer->older = b->older;
    if (b->older != NULL) b->older->newer = b->newer;
    if (b->device->blocks == b) b->device->blocks = b->older;
    system_free(b->device, b->data, b->size);
    free(b);
}

void dvf_release_all(dvf_device *device) {
    dvf_trim(device);
    for (dvf_buffer *b = device->blocks; b != NULL; b = b->older) {
        system_free(device, b->data, b->size);
        b->data = NULL;
    }
}

void dvf_lose_written(dvf_device *device, uint64_t first) {
    for (dvf_buffer *b = device->blocks; b != NULL; b = b->older)
        if (b->references > 0 && b->written >= first) b->lost = true;
}

void dvf_trim(dvf_device *device) {
    for (int i = 0; i < DVF_SIZE_CLASSES; i++) {
        dvf_buffer *b = device->free_lists[i];
        device->free_lists[i] = NULL;
        while (b != NULL) {
            dvf_buffer *next = b->next;
            device->cached_bytes -= b->size;
            drop(b);
            b = next;
        }
    }
}

static dvf_buffer *out_of_memory(dvf_device *device, uint64_t size, dvt_status status,
                                 dvt_error *error) {
    const char *said = dvf_error_text(error);
    if (said[0] == '\0' && status != DVT_OUT_OF_MEMORY) said = "nothing; its alloc gave no reason";
    if (status == DVT_OUT_OF_MEMORY)
        PyErr_Format(
            dvf_OutOfMemoryError,
            "%U has no memory for an array of %llu bytes (%llu bytes are in use%s%s); free "
            "arrays you no longer need, or use a smaller batch",
            device->name, (unsigned long long)size, (unsigned long long)device->live_bytes,
            said[0] != '\0' ? "; the device says: " : "", said);
    else
        PyErr_Format(dvf_DeviceError,
                     "%U gave no memory for an array of %llu bytes (alloc, status %d); it says: %s",
                     device->name, (unsigned long long)size, (int)status, said);
    return NULL;
}

dvf_buffer *dvf_alloc(dvf_device *device, uint64_t size) {
    uint64_t rounded = size;
    dvt_error error;
    dvf_error_clear(&error);
    if (size > (uint64_t)INT64_MAX / 2) {
        return out_of_memory(device, size, DVT_OUT_OF_MEMORY, &error);
    }
    int index = size_class(size, &rounded);
    device->allocations++;
    dvf_buffer *b = device->free_lists[index];
    if (b != NULL) {
        device->free_lists[index] = b->next;
        device->cached_bytes -= b->size;
    } else {
        b = calloc(1, sizeof *b);
        if (b == NULL) return out_of_memory(device, size, DVT_OUT_OF_MEMORY, &error);
        dvt_status status = DVT_OK;
        if (dvf_usable(device) < 0) {
            free(b);
            return NULL;
        }
        device->system_allocations++;
        b->data = system_alloc(device, rounded, &error, &status);
        if (b->data == NULL && status == DVT_OUT_OF_MEMORY &&
            (device->cached_bytes > 0 || device->queue != NULL)) {
            dvf_trim(device); /* what is released on a stream is there when its work is done */
            if (dvf_settle(device, "an allocation") < 0) {
                free(b);
                return NULL;
            }
            dvf_error_clear(&error);
            b->data = system_alloc(device, rounded, &error, &status);
        }
        if (b->data == NULL) {
            free(b);
            return out_of_memory(device, size, status == DVT_OK ? DVT_OUT_OF_MEMORY : status,
                                 &error);
        }
        b->size = rounded;
        b->device = device;
        b->size_class = index;
        link_block(b);
    }
    b->references = 1;
    b->donated = b->lost = false;
    b->written = device->queue != NULL ? dvf_newest_tag(device) + 1 : 0;
    b->next = NULL;
    device->live_bytes += b->size;
    if (device->live_bytes > device->peak_bytes) device->peak_bytes = device->live_bytes;
    return b;
}

dvf_buffer *dvf_adopt_memory(dvf_device *device, void *data, uint64_t size, PyObject *owner) {
    dvf_buffer *b = calloc(1, sizeof *b);
    if (b == NULL) {
        PyErr_NoMemory();
        return NULL;
    }
    b->references = 1;
    b->data = data;
    b->size = size;
    b->device = device;
    b->owner = Py_NewRef(owner);
    b->size_class = -1;
    return b;
}

void dvf_free(dvf_buffer *b) {
    if (b->owner != NULL) {
        PyObject *owner = b->owner;
        if (b->device->queue != NULL) dvf_wait_silently(b->device); /* its work may still read it */
        free(b);
        Py_DECREF(owner);
        return;
    }
    dvf_device *device = b->device;
    device->live_bytes -= b->size;
    if (device->pooled) {
        drop(b);
        return;
    }
    b->next = device->free_lists[b->size_class];
    device->free_lists[b->size_class] = b;
    device->cached_bytes += b->size;
}
