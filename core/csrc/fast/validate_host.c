/* The plugin's calls back into the host: memory that is lent, work that is shared, text that is logged.
 * Host memory is given with a pattern behind it and kept in a book until it comes back. */
#include "validate.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEHIND 16u
#define PATTERN 0xD7

struct dvv_loan {
    dvv_loan *next;
    char *data;
    uint64_t size;
    char slot[16], op[48]; /* during which call it was taken */
    bool in_call;          /* of run or execute: nothing that outlives the call is expected */
};

static dvv_layer *layer_of_down(const dvt_host *host) {
    return (dvv_layer *)(uintptr_t)((uintptr_t)host - offsetof(dvv_layer, down));
}

static dvv_loan **chain_of(dvv_layer *v, const void *data) {
    return &v->loans[((uintptr_t)data >> 5) * 2654435761u / 64u % DVV_LOAN_CHAINS];
}

/* Blame the plugin in the call of this thread; outside of any, in one that only reports. */
static void blame(dvv_layer *v, const char *slot, const char *format, const char *text) {
    if (dvv_top != NULL && dvv_top->layer == v) {
        dvv_blame_plugin(dvv_top, format, text);
        return;
    }
    dvv_frame f;
    dvv_open(&f, v, slot, NULL, NULL);
    dvv_blame_plugin(&f, format, text);
    dvv_close_void(&f);
}

/* ---- memory ---------------------------------------------------------------------------------------- */

static void *down_alloc(const dvt_host *host, uint64_t size, uint64_t alignment) {
    dvv_layer *v = layer_of_down(host);
    const dvt_host *below = v->below.host;
    dvv_count(v, DVV_HOST_CALLS);
    if (alignment != 0 && !dvv_power_of_two(alignment)) {
        blame(v, "host_alloc", "it called host_alloc with %s",
              "an alignment that is no power of two");
        return NULL;
    }
    dvv_loan *loan = calloc(1, sizeof *loan);
    char *data = loan != NULL && size < SIZE_MAX / 4
                     ? below->host_alloc(below, size + BEHIND, alignment)
                     : NULL;
    if (data == NULL) {
        free(loan);
        return NULL;
    }
    memset(data + size, PATTERN, BEHIND);
    loan->data = data;
    loan->size = size;
    const dvv_frame *f = dvv_top;
    if (f != NULL && f->layer == v) {
        strncpy(loan->slot, f->slot, sizeof loan->slot - 1);
        if (f->op != NULL) strncpy(loan->op, f->op, sizeof loan->op - 1);
        loan->in_call = strcmp(f->slot, "run") == 0 || strcmp(f->slot, "execute") == 0;
        atomic_fetch_add(&dvv_top->loans, 1);
    }
    pthread_mutex_lock(&v->lock);
    dvv_loan **chain = chain_of(v, data);
    loan->next = *chain;
    *chain = loan;
    v->held_blocks++;
    v->held_bytes += size;
    pthread_mutex_unlock(&v->lock);
    return data;
}

static void down_free(const dvt_host *host, void *data, uint64_t size) {
    dvv_layer *v = layer_of_down(host);
    const dvt_host *below = v->below.host;
    char text[160];
    dvv_count(v, DVV_HOST_CALLS);
    if (data == NULL) {
        blame(v, "host_free", "it called host_free with %s", "null");
        return;
    }
    pthread_mutex_lock(&v->lock);
    dvv_loan **at = chain_of(v, data), *loan;
    while (*at != NULL && (*at)->data != data) at = &(*at)->next;
    loan = *at;
    if (loan != NULL) {
        *at = loan->next;
        v->held_blocks--;
        v->held_bytes -= loan->size;
    }
    pthread_mutex_unlock(&v->lock);
    if (loan == NULL) {
        snprintf(text, sizeof text, "%p, which host_alloc did not give or which was freed before",
                 data);
        blame(v, "host_free", "it called host_free with %s", text);
        return; /* freeing it would be the crash that is to be explained */
    }
    if (dvv_top != NULL && dvv_top->layer == v) atomic_fetch_sub(&dvv_top->loans, 1);
    if (loan->size != size) {
        snprintf(text, sizeof text, "%" PRIu64 " bytes where %" PRIu64 " were allocated", size,
                 loan->size);
        blame(v, "host_free", "it called host_free with %s", text);
    }
    for (uint32_t i = 0; i < BEHIND; i++) {
        if ((uint8_t)loan->data[loan->size + i] == PATTERN) continue;
        snprintf(text, sizeof text,
                 "%u bytes past the end of a host_alloc block of %" PRIu64 " bytes", i + 1,
                 loan->size);
        blame(v, "host_free", "it wrote %s", text);
        break;
    }
    below->host_free(below, data, loan->size + BEHIND);
    free(loan);
}

void dvv_check_loans(dvv_frame *f) {
    dvv_layer *v = f->layer;
    pthread_mutex_lock(&v->lock);
    uint64_t blocks = v->held_blocks, bytes = v->held_bytes;
    dvv_loan example = {0};
    for (int i = 0; i < DVV_LOAN_CHAINS; i++)
        if (v->loans[i] != NULL) example = *v->loans[i];
    pthread_mutex_unlock(&v->lock);
    if (blocks == 0) return;
    dvv_blame_plugin(f,
                     "it still holds %" PRIu64 " blocks of host memory (%" PRIu64 " bytes); one "
                     "was taken during %s %s",
                     blocks, bytes, example.slot[0] != '\0' ? example.slot : "no call", example.op);
}

uint64_t dvv_loans_of_calls(dvv_layer *v, uint64_t *bytes, char *op, size_t room) {
    uint64_t count = 0;
    *bytes = 0;
    pthread_mutex_lock(&v->lock);
    for (int i = 0; i < DVV_LOAN_CHAINS; i++) {
        for (const dvv_loan *loan = v->loans[i]; loan != NULL; loan = loan->next) {
            if (!loan->in_call) continue;
            if (count++ == 0) snprintf(op, room, "%s", loan->op[0] != '\0' ? loan->op : loan->slot);
            *bytes += loan->size;
        }
    }
    pthread_mutex_unlock(&v->lock);
    return count;
}

/* ---- work ------------------------------------------------------------------------------------------ */

typedef struct shared_work {
    dvv_frame *frame; /* of the call that shares it, or null */
    dvt_range_fn fn;
    void *context;
    _Atomic uint64_t items;
} shared_work;

static void check_range(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    shared_work *w = context;
    dvv_frame *before = dvv_top;
    dvv_process modes;
    char text[300];
    dvv_top = w->frame; /* what this thread does now belongs to that call */
    dvv_process_read(&modes);
    w->fn(w->context, begin, end, worker);
    if (dvv_process_restore(&modes, text, sizeof text) && w->frame != NULL)
        dvv_blame_plugin(w->frame, "in work shared by parallel_for, %s", text);
    dvv_top = before;
    atomic_fetch_add(&w->items, end - begin);
}

static void down_parallel_for(const dvt_host *host, uint64_t n, uint64_t grain, dvt_range_fn fn,
                              void *context) {
    dvv_layer *v = layer_of_down(host);
    const dvt_host *below = v->below.host;
    dvv_count(v, DVV_HOST_CALLS);
    if (fn == NULL) {
        blame(v, "parallel_for", "it called parallel_for with %s", "a null function");
        return;
    }
    dvv_frame *f = dvv_top != NULL && dvv_top->layer == v ? dvv_top : NULL;
    shared_work w = {.frame = f, .fn = fn, .context = context};
    below->parallel_for(below, n, grain, check_range, &w);
    if (f != NULL && atomic_load(&w.items) != n)
        dvv_blame_host(f, "parallel_for covered %" PRIu64 " of %" PRIu64 " items",
                       atomic_load(&w.items), n);
}

/* ---- text ------------------------------------------------------------------------------------------ */

static void down_log(const dvt_host *host, int32_t level, const char *text) {
    dvv_layer *v = layer_of_down(host);
    const dvt_host *below = v->below.host;
    dvv_count(v, DVV_HOST_CALLS);
    if (text == NULL || !dvv_is_utf8(text, 1u << 20, NULL))
        blame(v, "log", "it logged %s", text == NULL ? "null" : "text that is not UTF-8");
    else
        below->log(below, level, text);
}

static dvt_status down_fail(const dvt_host *host, dvt_error *error, dvt_status code,
                            const char *text) {
    dvv_layer *v = layer_of_down(host);
    const dvt_host *below = v->below.host;
    dvv_count(v, DVV_HOST_CALLS);
    if (error == NULL || text == NULL || code >= 0) {
        blame(v, "fail", "it called fail with %s",
              error == NULL  ? "no error"
              : text == NULL ? "no text"
                             : "a code that is no failure");
        return code;
    }
    return below->fail(below, error, code, text);
}

static const void *down_get_extension(const dvt_host *host, const char *name) {
    const dvt_host *below = layer_of_down(host)->below.host;
    return name != NULL ? below->get_extension(below, name) : NULL;
}

/* ---- what the core asks of the same table: memory of a device that has no alloc -------------------- */

static void blame_host(dvv_layer *v, const char *slot, const char *text) {
    dvv_frame f;
    dvv_open(&f, v, slot, NULL, NULL);
    dvv_blame_host(&f, "%s", text);
    dvv_close_void(&f);
}

static void *up_alloc(const dvt_host *host, uint64_t size, uint64_t alignment) {
    dvv_layer *v = dvv_layer_of(host);
    const dvt_host *below = v->below.host;
    void *data = below->host_alloc(below, size, alignment);
    char text[240];
    dvv_block block = {.data = (uintptr_t)data, .size = size};
    if (data != NULL && size > 0) {
        dvv_count(v, DVV_MEMORY);
        if (!dvv_block_add(v, &block, text, sizeof text)) {
            if (text[0] == '\0') {
                below->host_free(below, data, size);
                return NULL;
            }
            blame_host(v, "host_alloc", text);
        }
    }
    return data;
}

static void up_free(const dvt_host *host, void *data, uint64_t size) {
    dvv_layer *v = dvv_layer_of(host);
    const dvt_host *below = v->below.host;
    char text[240];
    if (data != NULL && size > 0) {
        dvv_count(v, DVV_MEMORY);
        if (!dvv_block_remove(v, NULL, (uintptr_t)data, size, false, text, sizeof text)) {
            blame_host(v, "host_free", text);
            return;
        }
    }
    below->host_free(below, data, size);
}

void dvv_wrap_host(dvv_layer *v) {
    v->up = *v->below.host;
    v->up.host_alloc = up_alloc;
    v->up.host_free = up_free;
    v->down = *v->below.host;
    v->down.log = down_log;
    v->down.fail = down_fail;
    v->down.get_extension = down_get_extension;
    v->down.parallel_for = down_parallel_for;
    v->down.host_alloc = down_alloc;
    v->down.host_free = down_free;
}
