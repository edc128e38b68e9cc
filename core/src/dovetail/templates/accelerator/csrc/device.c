/* Devices: counted, opened, described and closed. */
#include "device.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "stream.h"

dvt_status fail(dvt_error *error, dvt_status code, const char *format, ...) {
    char text[2 * sizeof error->message]; /* dvt_set_error cuts, and at a whole character */
    va_list words;
    va_start(words, format);
    vsnprintf(text, sizeof text, format, words);
    va_end(words);
    return dvt_set_error(error, code, text);
}

uint64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}

void sleep_us(uint64_t us) {
    struct timespec t = {.tv_sec = (time_t)(us / 1000000), .tv_nsec = (long)(us % 1000000 * 1000)};
    while (nanosleep(&t, &t) != 0) {
    }
}

dvt_status device_check(dvt_device *device, dvt_error *error) {
    switch (atomic_load(&device->state)) {
    case DEVICE_READY:
        return DVT_OK;
    case DEVICE_FORKED:
        return fail(error, DVT_DEVICE_LOST,
                    DEVICE_WORD ":%u was opened before this process was forked; start processes "
                                "with the spawn or forkserver method",
                    device->ordinal);
    default:
        return fail(error, DVT_DEVICE_LOST,
                    DEVICE_WORD ":%u is lost: it does not answer any more; start the program again",
                    device->ordinal);
    }
}

/* ---- the table's slots ---- */

static dvt_status device_count(const dvt_host *host, uint32_t *count, dvt_error *error) {
    (void)host;
    *count = options_devices();
    if (*count == 0) fail(error, DVT_OK, "the option devices is 0, so this simulation has no chip");
    return DVT_OK;
}

static void describe(dvt_device *d) {
    static const char *const FACTS[] = {"queue", "chip", "memory"};
    const dvt_place own = {DVT_PLACE_EXTENSION, (int32_t)d->ordinal};
    const uint32_t opaque = d->options.opaque ? DVT_SPACE_OPAQUE : 0;
    const uint16_t probe = 1;
    d->spaces[SPACE_HBM] = (dvt_memory_space){.flags = opaque,
                                              .kind = DVT_SPACE_DEVICE,
                                              .alignment = 256,
                                              .place = own,
                                              .name = "hbm",
                                              .capacity = d->options.memory};
    d->spaces[SPACE_SCRATCH] = d->spaces[SPACE_HBM];
    d->spaces[SPACE_SCRATCH].name = "scratch";
    d->spaces[SPACE_SCRATCH].capacity = d->options.scratch;
    d->spaces[SPACE_PINNED] =
        (dvt_memory_space){.flags = DVT_SPACE_HOST_VISIBLE | DVT_SPACE_COHERENT,
                           .kind = DVT_SPACE_PINNED,
                           .alignment = 256,
                           .place = {DVT_PLACE_CPU, 0},
                           .name = "pinned"};
    for (uint32_t i = 0; i < N_SPACES; i++) {
        d->spaces[i].struct_size = sizeof d->spaces[i];
        d->space_pointers[i] = &d->spaces[i];
    }
    /* Saved programs hold bytes in this machine's order, and instructions of one chip. */
    snprintf(d->key, sizeof d->key, DEVICE_WORD "-program1-chip%llu-%s",
             (unsigned long long)d->options.chip,
             *(const unsigned char *)&probe ? "little" : "big");
    d->facts[0] = (int64_t)d->options.queue;
    d->facts[1] = (int64_t)d->options.chip;
    d->facts[2] = (int64_t)d->options.memory;
    for (uint32_t i = 0; i < 3; i++)
        d->properties[i] = (dvt_attr){FACTS[i], &d->facts[i], 1, DVT_ATTR_INT64, 0};
    d->text = "a simulation on the processor";
    d->properties[3] = (dvt_attr){"made_of", &d->text, 1, DVT_ATTR_STRING, 0};
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    options o;
    dvt_status status = options_read(desc, &o, error);
    if (status != DVT_OK) return status;
    if (desc->ordinal >= options_devices())
        return fail(error, DVT_INVALID_ARGUMENT, "there is no " DEVICE_WORD ":%u; %u are there",
                    desc->ordinal, options_devices());
    dvt_device *d = calloc(1, sizeof *d);
    if (d == NULL || memory_init(&d->memory) != DVT_OK) {
        free(d);
        return fail(error, DVT_OUT_OF_MEMORY, "device_open: the host has no memory left");
    }
    pthread_mutex_init(&d->streams_lock, NULL);
    d->host = desc->host;
    d->ordinal = desc->ordinal;
    d->options = o;
    describe(d);
    *device = d;
    return DVT_OK;
}

static void device_close(dvt_device *d) {
    if (atomic_load(&d->state) == DEVICE_FORKED) return; /* its locks may be held for ever */
    while (d->streams != NULL) stream_destroy(d->streams);
    memory_destroy(&d->memory);
    pthread_mutex_destroy(&d->streams_lock);
    free(d);
}

static dvt_status device_info(dvt_device *d, dvt_device_info *info, dvt_error *error) {
    (void)error;
    info->name = "simulated accelerator";
    info->vendor = "Dovetail";
    info->architecture = "simulation";
    info->driver = DEVICE_VERSION;
    info->compatibility_key = d->key;
    info->spaces = d->space_pointers;
    info->n_spaces = N_SPACES;
    info->properties = d->properties;
    info->n_properties = sizeof d->properties / sizeof d->properties[0];
    info->shapes = DVT_SHAPES_STATIC;
    return DVT_OK;
}

static dvt_status device_memory(dvt_device *d, uint32_t space, uint64_t *free_bytes,
                                uint64_t *total_bytes, dvt_error *error) {
    dvt_status status = device_check(d, error);
    if (status != DVT_OK) return status;
    if (space >= N_SPACES || memory_capacity(d, space) == 0)
        return fail(error, DVT_INVALID_ARGUMENT,
                    "device_memory: space %u has no size of its own; 0 (hbm) and 1 (scratch) have",
                    space);
    pthread_mutex_lock(&d->memory.lock);
    *total_bytes = memory_capacity(d, space);
    *free_bytes = *total_bytes - d->memory.used[space];
    pthread_mutex_unlock(&d->memory.lock);
    return DVT_OK;
}

/* The workers are threads of the parent, and its locks may be held: from here on nothing is touched,
 * and every call says why. */
static void after_fork_child(dvt_device *d) {
    atomic_store(&d->state, DEVICE_FORKED);
}

const dvt_device_api device_api = {
    .struct_size = sizeof device_api,
    .device_count = device_count,
    .device_open = device_open,
    .device_close = device_close,
    .device_info = device_info,
    .device_memory = device_memory,
    .device_sync = stream_sync_all,
    .after_fork_child = after_fork_child,
    .alloc = memory_alloc,
    .release = memory_release,
    .copy = copy_enqueue,
    .fill = fill_enqueue,
    .stream_create = stream_create,
    .stream_destroy = stream_destroy,
    .stream_sync = stream_sync,
    .stream_wait = stream_wait,
    .event_create = event_create,
    .event_record = event_record,
    .event_query = event_query,
    .event_sync = event_sync,
    .event_elapsed = event_elapsed,
    .event_destroy = event_destroy,
};
