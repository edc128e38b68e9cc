/* Live memory of one plugin: a table sorted by address, so that overlaps and strays are one search. */
#include "validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The place of the first block at or behind an address. */
static size_t place_of(const dvv_layer *layer, uintptr_t data) {
    size_t low = 0, high = layer->n_blocks;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (layer->blocks[middle].data < data)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

dvv_block *dvv_block_at(dvv_layer *layer, uintptr_t data, bool exact) {
    size_t at = place_of(layer, data);
    if (at < layer->n_blocks && layer->blocks[at].data == data) return &layer->blocks[at];
    if (exact || at == 0) return NULL;
    dvv_block *b = &layer->blocks[at - 1];
    return !b->opaque && data - b->data < b->size ? b : NULL;
}

static bool complain(char *text, size_t room, const char *what, const dvv_block *new,
                     const dvv_block *old) {
    snprintf(text, room,
             "it gave %" PRIu64 " bytes at 0x%" PRIxPTR ", which %s live memory of %" PRIu64
             " bytes at 0x%" PRIxPTR,
             new->size, new->data, what, old->size, old->data);
    return false;
}

bool dvv_block_add(dvv_layer *layer, const dvv_block *block, char *text, size_t room) {
    bool good = true;
    pthread_mutex_lock(&layer->lock);
    size_t at = place_of(layer, block->data);
    const dvv_block *after = at < layer->n_blocks ? &layer->blocks[at] : NULL;
    const dvv_block *before = at > 0 ? &layer->blocks[at - 1] : NULL;
    if (after != NULL && after->data == block->data)
        good = complain(text, room, "is", block, after);
    else if (after != NULL && !block->opaque && !after->opaque &&
             block->data + block->size > after->data)
        good = complain(text, room, "reaches into", block, after);
    else if (before != NULL && !block->opaque && !before->opaque &&
             before->data + before->size > block->data)
        good = complain(text, room, "lies inside", block, before);
    if (good && layer->n_blocks == layer->room_blocks) {
        size_t more = layer->room_blocks * 2 + 64;
        dvv_block *grown = realloc(layer->blocks, more * sizeof *grown);
        if (grown != NULL) {
            layer->blocks = grown;
            layer->room_blocks = more;
        } else {
            text[0] = '\0';
            good = false;
        }
    }
    if (good) {
        memmove(&layer->blocks[at + 1], &layer->blocks[at],
                (layer->n_blocks - at) * sizeof *layer->blocks);
        layer->blocks[at] = *block;
        layer->n_blocks++;
    }
    pthread_mutex_unlock(&layer->lock);
    return good;
}

static void remove_at(dvv_layer *layer, size_t at) {
    free(layer->blocks[at].accesses);
    layer->n_blocks--;
    memmove(&layer->blocks[at], &layer->blocks[at + 1],
            (layer->n_blocks - at) * sizeof *layer->blocks);
}

bool dvv_block_remove(dvv_layer *layer, const dvv_device *device, uintptr_t data, uint64_t size,
                      bool imported, char *text, size_t room) {
    bool good = false;
    pthread_mutex_lock(&layer->lock);
    dvv_block *b = dvv_block_at(layer, data, true);
    if (b == NULL) {
        const dvv_block *inside = dvv_block_at(layer, data, false);
        snprintf(text, room, "0x%" PRIxPTR " %s", data,
                 inside != NULL
                     ? "lies inside live memory, but not at its start"
                     : "is no live memory: it was given back already, or never allocated");
    } else if (b->device != device) {
        snprintf(text, room, "0x%" PRIxPTR " is memory of %s", data,
                 b->device != NULL ? b->device->label : "the host's allocator");
    } else if (b->imported != imported) {
        snprintf(text, room, "0x%" PRIxPTR " was %s; it goes back through the pair of that slot",
                 data, b->imported ? "imported" : "allocated");
    } else if (!imported && b->size != size) {
        snprintf(text, room, "%" PRIu64 " bytes are given back where %" PRIu64 " were allocated",
                 size, b->size);
    } else {
        remove_at(layer, (size_t)(b - layer->blocks));
        good = true;
    }
    pthread_mutex_unlock(&layer->lock);
    return good;
}

uint64_t dvv_blocks_end(dvv_layer *layer, const dvv_device *device, uint64_t *bytes) {
    uint64_t count = 0;
    *bytes = 0;
    pthread_mutex_lock(&layer->lock);
    for (size_t i = layer->n_blocks; i-- > 0;) {
        if (layer->blocks[i].device != device) continue;
        count++;
        *bytes += layer->blocks[i].size;
        remove_at(layer, i);
    }
    pthread_mutex_unlock(&layer->lock);
    return count;
}
