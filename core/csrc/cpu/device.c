/* The device table: one device, whose memory is the host's. Work is done when a call returns, so
 * there are no streams and no events. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#if defined(__unix__) || defined(__APPLE__)
#include <unistd.h>
#endif
#if defined(__linux__)
#include <sys/mman.h>
#endif
#if defined(__x86_64__)
#include <cpuid.h>
#endif

#include "copy.h"
#include "rows.h"
#include "strided_loop.h"

#ifndef DVT_CPU_VARIANT
#define DVT_CPU_VARIANT "unknown"
#endif

#define ALIGNMENT 64
/* Large blocks start at a huge page and ask for such pages: fewer faults, fewer TLB misses. */
#define HUGE_PAGE (UINT64_C(2) << 20)

struct dvt_device {
    const dvt_host *host;
    char name[64];
    char vendor[16];
    dvt_memory_space space;
    const dvt_memory_space *spaces[1];
};

static dvt_status count_devices(const dvt_host *host, uint32_t *count, dvt_error *error) {
    (void)host;
    (void)error;
    *count = 1;
    return DVT_OK;
}

#if defined(__x86_64__)
/* Four registers at a time, as the processor gives its texts. */
static void read_name(dvt_device *device) {
    uint32_t words[12], a, b, c, d;
    if (__get_cpuid(0, &a, &b, &c, &d)) {
        const uint32_t vendor[3] = {b, d, c};
        memcpy(device->vendor, vendor, sizeof vendor);
    }
    for (uint32_t i = 0; i < 3; i++) {
        if (!__get_cpuid(0x80000002u + i, &words[4 * i], &words[4 * i + 1], &words[4 * i + 2],
                         &words[4 * i + 3]))
            return;
    }
    char text[sizeof words + 1] = {0};
    memcpy(text, words, sizeof words);
    const char *start = text + strspn(text, " ");
    size_t length = strlen(start);
    while (length > 0 && start[length - 1] == ' ') length--;
    if (length > 0 && length < sizeof device->name) {
        memset(device->name, 0, sizeof device->name);
        memcpy(device->name, start, length);
    }
}
#else
/* Linux tells it in /proc/cpuinfo, where it tells it at all. */
static void read_name(dvt_device *device) {
    FILE *const file = fopen("/proc/cpuinfo", "r");
    char line[256];
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        const char *const colon = strchr(line, ':');
        if (!colon || (strncmp(line, "model name", 10) != 0 && strncmp(line, "Model", 5) != 0))
            continue;
        const char *const start = colon + 1 + strspn(colon + 1, " ");
        const size_t length = strcspn(start, "\n");
        if (length > 0 && length < sizeof device->name) {
            memset(device->name, 0, sizeof device->name);
            memcpy(device->name, start, length);
        }
        break;
    }
    fclose(file);
}
#endif

static uint64_t physical_memory(void) {
#if defined(_SC_PHYS_PAGES) && defined(_SC_PAGESIZE)
    const long pages = sysconf(_SC_PHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
#else
    return 0;
#endif
}

static uint64_t available_memory(void) {
#if defined(_SC_AVPHYS_PAGES) && defined(_SC_PAGESIZE)
    const long pages = sysconf(_SC_AVPHYS_PAGES), size = sysconf(_SC_PAGESIZE);
    return pages > 0 && size > 0 ? (uint64_t)pages * (uint64_t)size : 0;
#else
    return 0;
#endif
}

static dvt_status open_device(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    if (desc->ordinal != 0)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT,
                             "there is one CPU device: ask for ordinal 0 (device \"cpu:0\")");
    if (desc->n_options != 0) {
        char text[256];
        snprintf(text, sizeof text, "the CPU device has no option \"%.64s\": it takes none",
                 desc->options[0].name);
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, text);
    }
    dvt_device *const opened =
        desc->host->host_alloc(desc->host, sizeof *opened, _Alignof(dvt_device));
    if (!opened)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for the CPU device's handle");
    memset(opened, 0, sizeof *opened);
    opened->host = desc->host;
    memcpy(opened->name, "CPU", sizeof "CPU");
    read_name(opened);
    opened->space = (dvt_memory_space){
        .struct_size = sizeof(dvt_memory_space),
        .flags = DVT_SPACE_HOST_VISIBLE | DVT_SPACE_COHERENT,
        .kind = DVT_SPACE_HOST,
        .alignment = ALIGNMENT,
        .place = {DVT_PLACE_CPU, 0},
        .name = "host",
        .capacity = physical_memory(),
    };
    opened->spaces[0] = &opened->space;
    *device = opened;
    return DVT_OK;
}

static void close_device(dvt_device *device) {
    device->host->host_free(device->host, device, sizeof *device);
}

static dvt_status describe(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    (void)error;
    /* A host with a shorter struct reads no further than that. */
    const uint32_t size = info->struct_size;
    const dvt_device_info full = {
        .struct_size = size,
        .name = device->name,
        .vendor = device->vendor[0] ? device->vendor : NULL,
        .architecture = DVT_CPU_VARIANT,
        .compatibility_key = "cpu-" DVT_CPU_VARIANT "-1",
        .spaces = device->spaces,
        .n_spaces = 1,
        .shapes = DVT_SHAPES_STATIC,
    };
    memcpy(info, &full, size < sizeof full ? size : sizeof full);
    return DVT_OK;
}

static dvt_status memory(dvt_device *device, uint32_t space, uint64_t *free_bytes,
                         uint64_t *total_bytes, dvt_error *error) {
    if (space != 0)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "the CPU device has one space: 0");
    *free_bytes = available_memory();
    *total_bytes = device->space.capacity;
    return DVT_OK;
}

static dvt_status sync_device(dvt_device *device, dvt_error *error) {
    (void)device;
    (void)error;
    return DVT_OK;
}

static void after_fork(dvt_device *device) {
    (void)device;
}

static dvt_status allocate(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                           dvt_error *error) {
    (void)device;
    uint64_t alignment = desc->alignment > ALIGNMENT ? desc->alignment : ALIGNMENT;
    const int large = desc->size >= HUGE_PAGE;
    if (desc->space != 0)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "the CPU device has one space: 0");
    if (large && alignment < HUGE_PAGE) alignment = HUGE_PAGE;
    void *block = NULL;
    if (desc->size > SIZE_MAX - alignment ||
        posix_memalign(&block, (size_t)alignment, (size_t)desc->size) != 0) {
        char text[128];
        snprintf(text, sizeof text,
                 "the system has no %llu bytes left: free arrays or use smaller ones",
                 (unsigned long long)desc->size);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, text);
    }
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    /* Advice only: where it is refused, the pages are small. Whole pages, so that the advice does
     * not reach what lies behind the block. */
    if (large) (void)madvise(block, (size_t)(desc->size & ~(HUGE_PAGE - 1)), MADV_HUGEPAGE);
#endif
    *data = block;
    return DVT_OK;
}

static void release(dvt_device *device, const dvt_alloc_desc *desc) {
    (void)device;
    free(desc->data);
}

static const char too_wide[] =
    "the CPU device copies elements of 1, 2, 4, 8 or 16 bytes: view the array as such a type";

/* Bytes of an element; 0 for those that are packed or wider than 16 bytes. */
static uint32_t element_bytes(dvt_dtype dtype) {
    const uint32_t bits = (uint32_t)dtype.bits * dtype.lanes;
    return bits >= 8 && bits <= 128 && (bits & (bits - 1)) == 0 ? bits / 8 : 0;
}

static dvt_status copy(dvt_device *device, const dvt_copy *desc, dvt_error *error) {
    const uint32_t size = element_bytes(desc->destination->dtype);
    if (size == 0) return dvt_set_error(error, DVT_INVALID_ARGUMENT, too_wide);
    dvt_copy_view(device->host, desc->source, desc->destination, size);
    return DVT_OK;
}

static dvt_status fill(dvt_device *device, const dvt_fill *desc, dvt_error *error) {
    (void)device;
    const dvt_tensor *const to = desc->destination;
    const uint32_t size = element_bytes(to->dtype);
    if (size == 0) return dvt_set_error(error, DVT_INVALID_ARGUMENT, too_wide);
    dvt_cursor destination;
    dvt_cursor_start(&destination, to, size, 0);
    uint64_t block[2 * 512];
    dvt_copy_strided((char *)block, size, desc->pattern, 0, 512, size);
    for (int64_t left = dvt_size(to); left > 0; left -= 512)
        dvt_cursor_write(&destination, block, left < 512 ? left : 512);
    return DVT_OK;
}

const dvt_device_api dvt_cpu_device_api = {
    .struct_size = sizeof(dvt_device_api),
    .device_count = count_devices,
    .device_open = open_device,
    .device_close = close_device,
    .device_info = describe,
    .device_memory = memory,
    .device_sync = sync_device,
    .after_fork_child = after_fork,
    .alloc = allocate,
    .release = release,
    .copy = copy,
    .fill = fill,
};
