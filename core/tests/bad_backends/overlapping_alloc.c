/* Rounds sizes down to its pages, so that neighbours share the rest. */
#include "device.h"

static char pool[1 << 25];
static size_t used;

static dvt_status alloc_pages(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                              dvt_error *error) {
    (void)device;
    uintptr_t start = ((uintptr_t)pool + 4095) & ~(uintptr_t)4095;
    pthread_mutex_lock(&lock);
    if (desc->size > sizeof pool / 4) {
        pthread_mutex_unlock(&lock);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "32 MiB are all there is");
    }
    if (used + desc->size + 8192 > sizeof pool) used = 0;
    *data = (void *)(start + used);
    used += desc->size < 4096 ? 4096 : (size_t)desc->size / 4096 * 4096;
    pthread_mutex_unlock(&lock);
    return DVT_OK;
}

static void release_nothing(dvt_device *device, const dvt_alloc_desc *desc) {
    (void)device;
    (void)desc;
}

PLUGIN_WITH(DEVICE device_api.alloc = alloc_pages; device_api.release = release_nothing;)
