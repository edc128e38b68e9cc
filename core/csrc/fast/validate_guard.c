/* Guarded memory: mappings are kept and used again, since a system call per operand would be most of
 * the cost. */
#include "validate_guard.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define MOST_REGIONS 2048
#define CLASSES 40             /* usable pages: powers of two */
#define KEPT_BYTES (64u << 20) /* idle mappings beyond this are given back */
#define FRONT 64u              /* bytes of pattern in front, at least */
#define PATTERN 0x5B

static dvv_region regions[MOST_REGIONS];
static _Atomic uint32_t n_regions; /* entries that were ever used */
static dvv_region *idle[CLASSES];
static size_t idle_bytes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Held while the process forks: no other thread is then amid a change of the lists. */
static void take(void) {
    pthread_mutex_lock(&lock);
}

static void give(void) {
    pthread_mutex_unlock(&lock);
}

static void guard_forks(void) {
    pthread_atfork(take, give, give);
}

static size_t page(void) {
    static _Atomic size_t size;
    size_t known = atomic_load_explicit(&size, memory_order_relaxed);
    if (known == 0) atomic_store(&size, known = (size_t)sysconf(_SC_PAGESIZE));
    return known;
}

static dvv_region *map_new(size_t usable) {
    dvv_region *r = NULL;
    uint32_t n = atomic_load(&n_regions);
    for (uint32_t i = 0; i < n && r == NULL; i++)
        if (atomic_load(&regions[i].base) == 0) r = &regions[i];
    if (r == NULL && n < MOST_REGIONS) r = &regions[n];
    if (r == NULL) return NULL;
    size_t size = usable + 2 * page();
    char *base = mmap(NULL, size, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (base == MAP_FAILED) return NULL;
    if (mprotect(base + page(), usable, PROT_READ | PROT_WRITE) != 0) {
        munmap(base, size);
        return NULL;
    }
    r->size = size;
    atomic_store(&r->base, (uintptr_t)base);
    if (r == &regions[n]) atomic_store(&n_regions, n + 1);
    return r;
}

static int class_of(uint64_t bytes) {
    int class = 0;
    while (((uint64_t)page() << class) < bytes) class++;
    return class;
}

dvv_region *dvv_region_take(const dvv_frame *frame, const char *device, const char *role,
                            uint32_t index, uint64_t bytes, uint64_t alignment) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    if (alignment > page() || bytes > (uint64_t)1 << 46) return NULL;
    int class = class_of(bytes + alignment + FRONT);
    pthread_once(&once, guard_forks);
    take();
    dvv_region *r = idle[class];
    if (r != NULL) {
        idle[class] = r->next;
        idle_bytes -= r->size;
    } else {
        r = map_new(page() << class);
    }
    give();
    if (r == NULL) return NULL;
    char *end = (char *)atomic_load(&r->base) + r->size - page();
    uintptr_t start = ((uintptr_t)end - (uintptr_t)bytes) & ~(uintptr_t)(alignment - 1);
    r->frame = frame;
    r->device = device;
    r->role = role;
    r->index = index;
    r->start = (char *)start;
    r->bytes = bytes;
    memset(r->start - FRONT, PATTERN, FRONT);
    memset(r->start + bytes, PATTERN, (size_t)(end - r->start) - (size_t)bytes);
    return r;
}

void dvv_region_give(dvv_region *r) {
    int class = class_of(r->size - 2 * page());
    take();
    r->frame = NULL;
    if (idle_bytes + r->size > KEPT_BYTES) {
        munmap((void *)atomic_load(&r->base), r->size);
        atomic_store(&r->base, 0);
    } else {
        r->next = idle[class];
        idle[class] = r;
        idle_bytes += r->size;
    }
    give();
}

void dvv_region_check(dvv_frame *f, const dvv_region *r) {
    const char *end = (const char *)atomic_load(&r->base) + r->size - page();
    const char *behind = r->start + r->bytes;
    while (end > behind && end[-1] == PATTERN) end--;
    if (end > behind)
        dvv_blame_plugin(f, "it wrote %lld bytes past the end of %s %u, which has %llu bytes",
                         (long long)(end - behind), r->role, r->index,
                         (unsigned long long)r->bytes);
    for (const char *at = r->start - FRONT; at < r->start; at++) {
        if (*at == PATTERN) continue;
        dvv_blame_plugin(f, "it wrote %lld bytes in front of %s %u", (long long)(r->start - at),
                         r->role, r->index);
        return;
    }
}

const dvv_region *dvv_region_at(uintptr_t address) {
    uint32_t n = atomic_load(&n_regions);
    for (uint32_t i = 0; i < n; i++) {
        uintptr_t base = atomic_load(&regions[i].base);
        if (base != 0 && address - base < regions[i].size) return &regions[i];
    }
    return NULL;
}
