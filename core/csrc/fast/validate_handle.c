/* Handles: the core holds structs of ours in place of the plugin's, so that each can be recognised
 * without touching what a wrong pointer points to: all are kept in one table by address. The dead
 * stay there for a while, so that a use after the end can say what ended them. */
#include "validate.h"

#include <stdlib.h>
#include <string.h>

#define CHAINS 4096u
#define MOST_DEAD 1024u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static dvv_handle *chains[CHAINS];
static dvv_handle *oldest_dead, **end_of_dead = &oldest_dead;
static uint32_t n_dead;

static const char *const words[] = {"no handle", "device", "stream",
                                    "event",     "kernel", "executable"};

static dvv_handle **chain_of(const void *handle) {
    return &chains[((uintptr_t)handle >> 4) * 2654435761u / 64u % CHAINS];
}

static dvv_handle *find(const void *handle) {
    dvv_handle *h = *chain_of(handle);
    while (h != NULL && h != handle) h = h->next;
    return h;
}

dvv_handle *dvv_handle_find(const void *handle) {
    pthread_mutex_lock(&lock);
    dvv_handle *h = find(handle);
    pthread_mutex_unlock(&lock);
    return h;
}

/* In the child after fork: another thread of the parent may have held it. */
static void unlock_in_child(void) {
    pthread_mutex_init(&lock, NULL);
}

static void set_up(void) {
    pthread_atfork(NULL, NULL, unlock_in_child);
}

void *dvv_handle_new(size_t size, dvv_kind kind, dvv_layer *layer, void *below,
                     dvv_handle *device) {
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, set_up);
    dvv_handle *h = calloc(1, size);
    if (h == NULL) return NULL;
    h->magic = DVV_MAGIC;
    h->kind = kind;
    h->layer = layer;
    h->below = below;
    h->device = device;
    pthread_mutex_lock(&lock);
    dvv_handle **chain = chain_of(h);
    h->next = *chain;
    *chain = h;
    pthread_mutex_unlock(&lock);
    return h;
}

static void forget_oldest(void) {
    dvv_handle *h = oldest_dead;
    oldest_dead = h->later;
    if (oldest_dead == NULL) end_of_dead = &oldest_dead;
    n_dead--;
    dvv_handle **at = chain_of(h);
    while (*at != h) at = &(*at)->next;
    *at = h->next;
    free(h);
}

/* With the lock held. What the handle points to goes at once, the struct itself later. */
static void end(dvv_handle *h, const char *slot) {
    h->ended_by = slot;
    if (h->forget != NULL) h->forget(h);
    *end_of_dead = h;
    h->later = NULL;
    end_of_dead = &h->later;
    if (++n_dead > MOST_DEAD && oldest_dead->inside == 0) forget_oldest();
}

void *dvv_use(dvv_frame *f, const void *handle, dvv_kind kind, unsigned use) {
    pthread_mutex_lock(&lock);
    dvv_handle *h = find(handle);
    dvv_layer *layer = f->layer != NULL ? f->layer : h != NULL ? h->layer : NULL;
    f->layer = layer;
    const char *ended = h != NULL ? h->ended_by : NULL;
    uint32_t found = h != NULL && h->magic == DVV_MAGIC ? h->kind : 0;
    bool own = h != NULL && h->layer == layer;
    bool busy = false;
    if (found == kind && own && ended == NULL) {
        busy = h->ending || (use == DVV_SINGLE && h->single) || (use == DVV_LAST && h->inside != 0);
        if (!busy && f->n_handles < DVV_HANDLES_PER_CALL) {
            h->inside++;
            if (use != DVV_SHARED) h->single = true;
            if (use == DVV_LAST) h->ending = true;
            f->uses[f->n_handles] = (uint8_t)use;
            f->handles[f->n_handles++] = h;
        }
    }
    pthread_mutex_unlock(&lock);
    dvv_count(layer, DVV_HANDLES);
    if (use != DVV_SHARED) dvv_count(layer, DVV_THREADS);
    const char *want = words[kind];
    if (found == 0)
        dvv_blame_host(f, "%p is no %s that this plugin gave, or one destroyed long ago", handle,
                       want);
    else if (!own)
        dvv_blame_host(f, "%p is a %s of another plugin, %s", handle, words[found],
                       h->layer->below.table.name);
    else if (found != kind)
        dvv_blame_host(f, "%p is a handle of another kind: a %s where a %s belongs", handle,
                       words[found], want);
    else if (ended != NULL)
        dvv_blame_host(f, "the %s %p was ended by %s before; no call with it may follow", want,
                       handle, ended);
    else if (busy)
        dvv_blame_host(f,
                       "the %s %p is in another call at this moment; this slot is per-object, so "
                       "calls with one handle come one after the other",
                       want, handle);
    else
        return h;
    return NULL;
}

void dvv_unuse(dvv_frame *f) {
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < f->n_handles; i++) {
        dvv_handle *h = f->handles[i];
        h->inside--;
        if (f->uses[i] != DVV_SHARED) h->single = false;
        if (f->uses[i] == DVV_LAST) end(h, f->slot);
    }
    f->n_handles = 0;
    pthread_mutex_unlock(&lock);
}

void *dvv_open_by(dvv_frame *f, const char *slot, const void *handle, dvv_kind kind, unsigned use,
                  dvt_error *caller) {
    dvv_open(f, NULL, slot, NULL, caller);
    return dvv_use(f, handle, kind, use);
}

uint32_t dvv_handles_of(dvv_layer *layer, const dvv_handle *device, dvv_kind kind) {
    uint32_t count = 0;
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < CHAINS; i++)
        for (dvv_handle *h = chains[i]; h != NULL; h = h->next)
            if (h->layer == layer && h->kind == kind && h->ended_by == NULL &&
                (device == NULL || h->device == device))
                count++;
    pthread_mutex_unlock(&lock);
    return count;
}

void dvv_handles_end(const dvv_handle *device, const char *slot) {
    pthread_mutex_lock(&lock);
    for (uint32_t i = 0; i < CHAINS; i++) {
        /* Ending one may forget an older one of the same chain, so start over. */
        dvv_handle *h = chains[i];
        while (h != NULL) {
            bool mine = h->device == device && h->ended_by == NULL;
            if (mine) end(h, slot);
            h = mine ? chains[i] : h->next;
        }
    }
    pthread_mutex_unlock(&lock);
}
