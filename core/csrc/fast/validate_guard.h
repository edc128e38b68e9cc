/* Memory that shows who writes outside it: a page that may not be touched lies directly behind and one
 * in front, and what is left of the pages in between is filled with a pattern. */
#ifndef DVF_VALIDATE_GUARD_H
#define DVF_VALIDATE_GUARD_H

#include "validate.h"

typedef struct dvv_region {
    _Atomic uintptr_t base; /* of the whole mapping; 0: this entry is free */
    size_t size;            /* of the whole mapping */
    /* Who uses it now; the fault handler reads this. */
    const dvv_frame *frame;
    const char *device, *role; /* "acme:0", "output" */
    uint32_t index;
    char *start; /* what the plugin is given */
    uint64_t bytes;
    struct dvv_region *next; /* of the idle ones */
} dvv_region;

/* `bytes` bytes at an address that is a multiple of `alignment` (at most a page) and of no more than
 * that needs to be, so that the end meets the guard page. Null without memory. */
dvv_region *dvv_region_take(const dvv_frame *frame, const char *device, const char *role,
                            uint32_t index, uint64_t bytes, uint64_t alignment);
void dvv_region_give(dvv_region *region);
/* A finding when the pattern around it was damaged. */
void dvv_region_check(dvv_frame *frame, const dvv_region *region);
/* The region whose mapping holds an address, or null. Async-signal-safe. */
const dvv_region *dvv_region_at(uintptr_t address);

/* From now on a write onto a guard page, or any crash in a plugin, is reported to stderr before the
 * handler that was there before gets it. Once per process; 0 or -1. */
int dvv_fault_install(void);

#endif
