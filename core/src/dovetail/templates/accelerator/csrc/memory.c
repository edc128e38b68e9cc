/* Memory of the device. What the host holds is an address that it cannot read: a number from a range
 * no process can map, never given out twice, so that a stale or a foreign one is always noticed. Only
 * when a command runs is it looked up. A real driver calls its own allocator in memory_alloc and
 * memory_unmap, and hands addresses to the chip, which looks them up itself. */
#include <stdlib.h>
#include <string.h>

#include "device.h"
#include "stream.h"

#define FIRST_ADDRESS (UINTPTR_MAX - UINTPTR_MAX / 4) /* above every address of user programs */
#define GAP 4096 /* between allocations: overruns hit nothing */
#define ALIGNMENT 256

static atomic_uintptr_t next_address = FIRST_ADDRESS;

dvt_status memory_init(memory *m) {
    return pthread_mutex_init(&m->lock, NULL) == 0 ? DVT_OK : DVT_OUT_OF_MEMORY;
}

void memory_destroy(memory *m) {
    for (size_t i = 0; i < m->count; i++) free(m->blocks[i].bytes);
    free(m->blocks);
    pthread_mutex_destroy(&m->lock);
}

uint64_t memory_capacity(const dvt_device *device, uint32_t space) {
    const uint64_t sizes[N_SPACES] = {device->options.memory, device->options.scratch, 0};
    return sizes[space];
}

location memory_locate(dvt_device *device, const dvt_tensor *t) {
    /* Tensors in the pinned space carry the place of host memory, and a pointer. */
    bool host = device == NULL || t->place.type == DVT_PLACE_CPU;
    return (location){host ? NULL : device, (uintptr_t)t->data, t->byte_offset};
}

static bool make_room(memory *m) {
    if (m->count < m->room) return true;
    size_t room = m->room ? 2 * m->room : 64;
    block *grown = realloc(m->blocks, room * sizeof *grown);
    if (grown == NULL) return false;
    m->blocks = grown;
    m->room = room;
    return true;
}

static void *take_bytes(uint64_t size, uint64_t alignment) {
    uint64_t rounded = (size + alignment - 1) / alignment * alignment;
    return rounded < size || rounded > SIZE_MAX / 2 ? NULL : aligned_alloc(alignment, rounded);
}

dvt_status memory_alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    memory *m = &device->memory;
    dvt_status status = device_check(device, error);
    if (status != DVT_OK) return status;
    uint64_t alignment = desc->alignment > ALIGNMENT ? desc->alignment : ALIGNMENT;
    if (desc->space >= N_SPACES || desc->size == 0 || (alignment & (alignment - 1)) != 0)
        return fail(error, DVT_INVALID_ARGUMENT,
                    "alloc: %llu bytes aligned to %llu in space %u; a size above 0, a power of two "
                    "and a space below %d are needed",
                    (unsigned long long)desc->size, (unsigned long long)desc->alignment,
                    desc->space, N_SPACES);
    bool injected = faults_no_memory(device);
    uint64_t capacity = memory_capacity(device, desc->space);
    pthread_mutex_lock(&m->lock);
    uint64_t used = m->used[desc->space];
    bool full = injected || (capacity > 0 && desc->size > capacity - used);
    void *bytes = full || !make_room(m) ? NULL : take_bytes(desc->size, alignment);
    if (bytes != NULL) {
        m->used[desc->space] += desc->size;
        if (desc->space == SPACE_PINNED) {
            *data = bytes; /* a pointer like any other; it needs no row */
        } else {
            /* Under the lock, so that the table stays in order. */
            uintptr_t span = (uintptr_t)(desc->size + 2 * alignment + GAP);
            uintptr_t start = atomic_fetch_add(&next_address, span) + (uintptr_t)alignment;
            start &= ~((uintptr_t)alignment - 1);
            m->blocks[m->count++] = (block){start, desc->size, bytes, desc->space, false};
            *data = (void *)start;
        }
    }
    pthread_mutex_unlock(&m->lock);
    if (bytes != NULL) return DVT_OK;
    return fail(
        error, DVT_OUT_OF_MEMORY, "no room for %llu bytes in %s: %llu of %llu bytes are in use%s",
        (unsigned long long)desc->size, device->spaces[desc->space].name, (unsigned long long)used,
        (unsigned long long)capacity, injected ? " (a fault that was asked for)" : "");
}

/* The row with the highest address that is not above `address`; -1 when there is none. */
static ptrdiff_t find(const memory *m, uintptr_t address) {
    size_t low = 0, high = m->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (m->blocks[middle].address <= address)
            low = middle + 1;
        else
            high = middle;
    }
    return (ptrdiff_t)low - 1;
}

/* Account for what is given back; false when no allocation begins there. */
static bool take_back(dvt_device *device, const dvt_alloc_desc *desc) {
    memory *m = &device->memory;
    uint64_t size = desc->size;
    bool known = desc->space < N_SPACES;
    pthread_mutex_lock(&m->lock);
    if (known && desc->space != SPACE_PINNED) {
        const ptrdiff_t at = find(m, (uintptr_t)desc->data);
        block *b = at < 0 ? NULL : &m->blocks[at];
        known = b != NULL && b->address == (uintptr_t)desc->data && !b->released;
        if (known) {
            b->released = true;
            size = b->size;
        }
    }
    /* The bytes count as free at once: on a real chip the same stream may have them again. */
    if (known) m->used[desc->space] -= size;
    pthread_mutex_unlock(&m->lock);
    return known;
}

void memory_release(dvt_device *device, const dvt_alloc_desc *desc) {
    if (atomic_load(&device->state) == DEVICE_FORKED) return; /* another process's memory */
    if (!take_back(device, desc)) {
        dvt_error said = {.struct_size = sizeof said};
        fail(&said, DVT_INVALID_ARGUMENT,
             DEVICE_WORD ":%u: no allocation begins at %p, which is given back; was it before?",
             device->ordinal, desc->data);
        device->host->log(device->host, DVT_LOG_ERROR, said.message);
        return;
    }
    if (desc->stream == NULL) {
        memory_unmap(device, desc->space, (uintptr_t)desc->data);
        return;
    }
    command c = {.kind = COMMAND_RELEASE, .release = {device, desc->space, (uintptr_t)desc->data}};
    stream_push(desc->stream, &c);
}

void memory_unmap(dvt_device *device, uint32_t space, uintptr_t data) {
    memory *m = &device->memory;
    if (space == SPACE_PINNED) {
        free((void *)data);
        return;
    }
    pthread_mutex_lock(&m->lock);
    ptrdiff_t at = find(m, data);
    void *bytes = NULL;
    if (at >= 0 && m->blocks[at].address == data) {
        bytes = m->blocks[at].bytes;
        m->count--;
        memmove(&m->blocks[at], &m->blocks[at + 1], (m->count - (size_t)at) * sizeof *m->blocks);
    }
    pthread_mutex_unlock(&m->lock);
    free(bytes);
}

void *memory_at(const location *where, int64_t first, int64_t last, const char *who,
                dvt_error *error) {
    if (where->device == NULL) return (char *)where->data + where->offset + first;
    memory *m = &where->device->memory;
    void *found = NULL;
    pthread_mutex_lock(&m->lock);
    ptrdiff_t at = find(m, where->data);
    if (at >= 0 && (!where->device->options.opaque || m->blocks[at].address == where->data)) {
        const block *b = &m->blocks[at];
        int64_t base = (int64_t)(where->data - b->address) + (int64_t)where->offset;
        if (base >= 0 && base + first >= 0 && (uint64_t)(base + last) <= b->size)
            found = (char *)b->bytes + base + first;
    }
    pthread_mutex_unlock(&m->lock);
    if (found == NULL)
        fail(error, DVT_INTERNAL,
             "%s: memory fault at %#llx on " DEVICE_WORD
             ":%u: the %lld bytes there are not part of "
             "one allocation; was it released, or is another stream's event missing?",
             who, (unsigned long long)(where->data + where->offset), where->device->ordinal,
             (long long)(last - first));
    return found;
}
