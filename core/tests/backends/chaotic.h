/* What backends/chaotic.c is made of: dice, memory of several kinds, and complaints about the host.
 *
 * It keeps the contract and behaves as wildly as the contract allows. The dice depend on a seed that a
 * test sets through chaos_set; chaos_grievance tells the first promise of the host that was broken. */
#ifndef CHAOTIC_H
#define CHAOTIC_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "good.h"

enum { VISIBLE, MOVED, OPAQUE, POOLED, N_KINDS }; /* a device's memory: its ordinal's */

struct dvt_device {
    uint32_t kind;
};

/* ---- dice ------------------------------------------------------------------------------------- */

static _Atomic uint64_t throws;
static uint64_t seed;
static uint32_t faults_per_mille;

/* A number below n; the k-th throw after a seed is always the same. */
static inline uint32_t dice(uint32_t n) {
    uint64_t z = seed * UINT64_C(0x9E3779B97F4A7C15) + ++throws * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ (z >> 31)) >> 32) % n;
}

static inline int fault(void) {
    return dice(1000) < faults_per_mille;
}

static inline dvt_status some_error(dvt_error *error, const char *text) {
    static const dvt_status statuses[] = {DVT_INTERNAL, DVT_INVALID_ARGUMENT, DVT_OUT_OF_MEMORY,
                                          DVT_IO, DVT_CANCELLED};
    error->native_code = dice(3);
    return dvt_set_error(error, statuses[dice(5)], text);
}

/* ---- what lives, and complaints ----------------------------------------------------------------- */

static _Atomic int64_t live_kernels, live_executables, live_blocks;
static const char *grievance;

static inline void complain(const char *text) {
    if (grievance == NULL) grievance = text;
}

DVT_EXPORT void chaos_set(uint64_t new_seed, uint32_t per_mille);
DVT_EXPORT const char *chaos_grievance(void);
DVT_EXPORT void chaos_live(int64_t counts[3]);

void chaos_set(uint64_t new_seed, uint32_t per_mille) {
    seed = new_seed;
    throws = 0;
    faults_per_mille = per_mille;
    grievance = NULL;
}

const char *chaos_grievance(void) {
    return grievance;
}

void chaos_live(int64_t counts[3]) {
    counts[0] = live_kernels;
    counts[1] = live_executables;
    counts[2] = live_blocks;
}

/* ---- memory ------------------------------------------------------------------------------------- */

#define SHIFT (UINT64_C(1) << 60) /* no address: to use it crashes */
#define MOST_BLOCKS 65536
#define HANDLE(slot) ((void *)(uintptr_t)(((slot) + 1) * 2 + 1)) /* odd, so that sums are none */

static char *blocks[MOST_BLOCKS];
static pthread_mutex_t blocks_lock = PTHREAD_MUTEX_INITIALIZER;

/* The address behind what the host holds; null with a complaint when nobody gave it that. */
static inline char *real(const struct dvt_device *device, const void *data) {
    if (data == NULL) return NULL;
    if (device == NULL || device->kind == VISIBLE || device->kind == POOLED)
        return (char *)(uintptr_t)data;
    if (device->kind == MOVED) return (char *)(uintptr_t)((uintptr_t)data - SHIFT);
    uintptr_t slot = (uintptr_t)data / 2 - 1;
    char *found = slot < MOST_BLOCKS && data == HANDLE(slot) ? blocks[slot] : NULL;
    if (found == NULL) complain("the host made up a handle, or moved one");
    return found;
}

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    if (fault()) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "the dice say that memory is out");
    if (desc->size == 0) complain("alloc of no bytes");
    size_t size = ((size_t)desc->size + 127) / 128 * 128;
    char *memory = aligned_alloc(128, size);
    if (memory == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "malloc gave nothing");
    memset(memory, 0x7F, size); /* what nobody writes is no number */
    live_blocks++;
    *data = device->kind == MOVED ? (void *)((uintptr_t)memory + SHIFT) : memory;
    if (device->kind != OPAQUE) return DVT_OK;
    pthread_mutex_lock(&blocks_lock);
    uintptr_t slot = 0;
    while (slot < MOST_BLOCKS && blocks[slot] != NULL) slot++;
    if (slot < MOST_BLOCKS) blocks[slot] = memory;
    pthread_mutex_unlock(&blocks_lock);
    *data = HANDLE(slot);
    return slot < MOST_BLOCKS ? DVT_OK : dvt_set_error(error, DVT_OUT_OF_MEMORY, "no handle left");
}

static void release(dvt_device *device, const dvt_alloc_desc *desc) {
    char *memory = real(device, desc->data);
    if (memory == NULL) return;
    live_blocks--;
    if (device->kind == OPAQUE) blocks[(uintptr_t)desc->data / 2 - 1] = NULL;
    memset(memory, 0x7F, (size_t)desc->size); /* whoever still reads it finds no number */
    free(memory);
}

static inline char *first(const struct dvt_device *device, const dvt_tensor *t) {
    char *memory = real(device, t->data);
    return memory != NULL ? memory + t->byte_offset : NULL;
}

static inline int64_t count_of(const dvt_tensor *t) {
    int64_t n = 1;
    for (int32_t d = 0; d < t->ndim; d++) n *= t->shape[d];
    return n;
}

static inline int64_t reach(const dvt_tensor *t, const int64_t *at) {
    int64_t offset = 0;
    for (int32_t d = 0; d < t->ndim; d++) offset += at[d] * t->strides[d];
    return offset;
}

static inline int contiguous(const dvt_tensor *t) {
    int64_t expected = 1;
    for (int32_t d = t->ndim - 1; d >= 0; d--) {
        if (t->shape[d] != 1 && t->strides[d] != expected) return 0;
        expected *= t->shape[d];
    }
    return 1;
}

/* The next index in row-major order. */
static inline void advance(const dvt_tensor *t, int64_t *at) {
    for (int32_t d = t->ndim - 1; d >= 0 && ++at[d] == t->shape[d]; d--) at[d] = 0;
}

static dvt_status copy(dvt_device *device, const dvt_copy *c, dvt_error *error) {
    (void)device;
    if (fault()) return some_error(error, "the dice say that this copy fails");
    const dvt_tensor *from = c->source, *to = c->destination;
    size_t size = (size_t)from->dtype.bits * from->dtype.lanes / 8;
    int64_t at[64] = {0}, n = count_of(from);
    char *x = first(c->source_device, from), *y = first(c->destination_device, to);
    if (from->dtype.bits != to->dtype.bits || from->ndim != to->ndim)
        complain("a copy between unequal views");
    if (n > 0 && (x == NULL || y == NULL)) return dvt_set_error(error, DVT_INTERNAL, "no memory");
    for (int64_t i = 0; i < n; i++, advance(from, at))
        memcpy(y + reach(to, at) * (int64_t)size, x + reach(from, at) * (int64_t)size, size);
    return DVT_OK;
}

#endif
