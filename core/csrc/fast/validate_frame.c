/* One call through the layer: who is called, what was found, and what becomes of it. */
#include "validate.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "utf8.h"

_Thread_local dvv_frame *dvv_top;

#define GUARD 0xA5
/* The plugin is told that its error is shorter than it is: who writes on has ignored struct_size. */
#define ERROR_SIZE ((uint32_t)(sizeof(dvt_error) - DVV_TAIL))
#define ERROR_TEXT (sizeof(((dvt_error *)0)->message) - DVV_TAIL)

void dvv_open(dvv_frame *f, dvv_layer *layer, const char *slot, const char *op, dvt_error *caller) {
    f->outer = dvv_top;
    f->layer = layer;
    f->slot = slot;
    f->op = op;
    f->caller = caller;
    f->tag = 0;
    f->called = false;
    atomic_init(&f->found, 0);
    atomic_init(&f->loans, 0);
    f->text[0] = '\0';
    f->n_handles = 0;
    f->error.struct_size = ERROR_SIZE;
    f->error.flags = 0;
    f->error.code = 0;
    f->error.reserved = 0;
    f->error.native_code = 0;
    f->error.tag = 0;
    f->error.message[0] = '\0';
    dvv_tail_set((uint8_t *)f->error.message + ERROR_TEXT);
    dvv_top = f;
}

void dvv_calling(dvv_frame *f) {
    f->called = true;
    dvv_process_read(&f->process);
    dvv_count(f->layer, DVV_PROCESS);
}

/* "validation: run of add of acme: <what>. The fault is the plugin's." */
static void record(dvv_frame *f, const char *whose, const char *format, va_list arguments) {
    dvv_count(f->layer, DVV_FINDINGS);
    if (atomic_fetch_add(&f->found, 1) != 0) return; /* the first one explains the others */
    char what[360];
    vsnprintf(what, sizeof what, format, arguments);
    const char *name = f->layer != NULL ? f->layer->below.table.name : "of no known plugin";
    snprintf(f->text, sizeof f->text, "validation: %s%s%s of %s: %s. The fault is the %s's.",
             f->slot, f->op != NULL ? " of " : "", f->op != NULL ? f->op : "", name, what, whose);
}

void dvv_blame_plugin(dvv_frame *f, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(f, "plugin", format, arguments);
    va_end(arguments);
}

void dvv_blame_host(dvv_frame *f, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(f, "host", format, arguments);
    va_end(arguments);
}

bool dvv_is_utf8(const char *text, size_t limit, size_t *length) {
    size_t i = 0;
    while (i < limit && text[i] != '\0') {
        size_t n = dvf_utf8_sequence((const unsigned char *)text + i, limit - i);
        if (n == 0) return false;
        i += n;
    }
    if (length != NULL) *length = i;
    return i < limit;
}

void dvv_tail_set(uint8_t *tail) {
    memset(tail, GUARD, DVV_TAIL);
}

void dvv_tail_check(dvv_frame *f, const char *type, const uint8_t *tail, uint32_t size,
                    uint32_t want) {
    dvv_count(f->layer, DVV_STRUCTS);
    int reach = DVV_TAIL;
    while (reach > 0 && tail[reach - 1] == GUARD) reach--;
    if (reach > 0)
        dvv_blame_plugin(f,
                         "it wrote %d bytes behind the end of %s, whose struct_size is %u; write "
                         "no further than struct_size",
                         reach, type, want);
    if (size != want)
        dvv_blame_plugin(f,
                         "it changed struct_size of %s from %u to %u; whoever fills a struct that "
                         "the host sized leaves it",
                         type, want, size);
}

void dvv_check_desc(dvv_frame *f, const char *type, uint32_t size, uint32_t want,
                    const dvt_ext *ext) {
    dvv_count(f->layer, DVV_STRUCTS);
    if (size != want) dvv_blame_host(f, "%s has struct_size %u instead of %u", type, size, want);
    if (ext == NULL) return;
    dvv_count(f->layer, DVV_EXTENSIONS);
    const dvt_plugin *table = &f->layer->below.table;
    for (; ext != NULL; ext = ext->next) {
        bool listed = false;
        for (uint32_t i = 0; ext->name != NULL && i < table->n_extensions; i++)
            listed = listed || strcmp(ext->name, table->extensions[i]) == 0;
        if (!listed)
            dvv_blame_host(f, "%s carries the extension %.60s, which the plugin does not list",
                           type, ext->name != NULL ? ext->name : "(null)");
    }
}

/* ---- the answer -------------------------------------------------------------------------------- */

static void judge_error(dvv_frame *f, dvt_status status) {
    const dvt_error *e = &f->error;
    dvv_count(f->layer, DVV_ERRORS);
    dvv_tail_check(f, "dvt_error", (const uint8_t *)e->message + ERROR_TEXT, e->struct_size,
                   ERROR_SIZE);
    size_t length = 0;
    if (!dvv_is_utf8(e->message, ERROR_TEXT, &length)) {
        dvv_blame_plugin(f, "its error text is not UTF-8 that ends in NUL within struct_size");
        f->error.message[0] = '\0';
        return;
    }
    if (status >= 0) return;
    if (length == 0)
        dvv_blame_plugin(f,
                         "it failed with status %d and no text; every error says what went wrong, "
                         "with which values and what to do next",
                         (int)status);
    else if (e->code != status)
        dvv_blame_plugin(f, "it returned status %d, but wrote code %d into the error ('%.120s')",
                         (int)status, (int)e->code, e->message);
    else if (f->tag != 0 && e->tag != 0 && e->tag != f->tag)
        dvv_blame_plugin(f, "its error carries tag %llu, but the call's is %llu",
                         (unsigned long long)e->tag, (unsigned long long)f->tag);
}

static void judge_status(dvv_frame *f, dvt_status status, unsigned may) {
    if (status <= DVT_OK) {
        if (status < DVT_IO && f->layer->below.table.abi_version <= DVT_ABI_VERSION)
            dvv_blame_plugin(f, "it returned status %d, which ABI 1.0 does not have", (int)status);
        return;
    }
    if (status == DVT_UNSUPPORTED && (may & DVV_MAY_REFUSE)) return;
    if (status == DVT_PENDING && (may & DVV_MAY_PEND)) return;
    dvv_blame_plugin(f, "it returned status %d%s, which is no answer of this slot", (int)status,
                     status == DVT_UNSUPPORTED ? " (UNSUPPORTED)"
                     : status == DVT_PENDING   ? " (PENDING)"
                                               : "");
}

static void judge_process(dvv_frame *f) {
    char text[300];
    if (dvv_process_restore(&f->process, text, sizeof text)) dvv_blame_plugin(f, "%s", text);
}

static void take_pending(dvv_frame *f) {
    if (!atomic_load(&f->layer->has_pending)) return;
    pthread_mutex_lock(&f->layer->lock);
    if (atomic_exchange(&f->layer->has_pending, false)) {
        memcpy(f->text, f->layer->pending, sizeof f->text);
        atomic_fetch_add(&f->found, 1);
    }
    pthread_mutex_unlock(&f->layer->lock);
}

static void give_error(const dvt_error *from, dvt_error *to) {
    dvt_set_error(to, from->code, from->message);
    if (to->struct_size < offsetof(dvt_error, message)) return;
    to->native_code = from->native_code;
    to->tag = from->tag;
}

dvt_status dvv_close(dvv_frame *f, dvt_status status, unsigned may) {
    if (f->called) {
        judge_process(f);
        if (atomic_load(&f->found) == 0) judge_status(f, status, may);
        if (atomic_load(&f->found) == 0) judge_error(f, status);
    }
    dvv_unuse(f);
    dvv_top = f->outer;
    bool made = (may & DVV_MAKES) && status == DVT_OK;
    if (f->layer != NULL && !made && atomic_load(&f->found) == 0) take_pending(f);
    if (atomic_load(&f->found) != 0) {
        if (f->called && f->error.message[0] != '\0' && status < 0 &&
            strncmp(f->error.message, "validation", 10) != 0) {
            size_t n = strlen(f->text);
            snprintf(f->text + n, sizeof f->text - n, " It said: %.200s", f->error.message);
        }
        return dvt_set_error(f->caller, DVT_INTERNAL, f->text);
    }
    if (status < 0 || f->error.message[0] != '\0') give_error(&f->error, f->caller);
    return status;
}

void dvv_close_void(dvv_frame *f) {
    if (f->called) judge_process(f);
    dvv_unuse(f);
    dvv_top = f->outer;
    if (atomic_load(&f->found) == 0) return;
    if (f->layer == NULL) { /* nobody to raise it later */
        const dvt_host *host = dvf_host();
        host->log(host, DVT_LOG_ERROR, f->text);
        return;
    }
    f->layer->below.host->log(f->layer->below.host, DVT_LOG_ERROR, f->text);
    pthread_mutex_lock(&f->layer->lock);
    if (!atomic_exchange(&f->layer->has_pending, true))
        memcpy(f->layer->pending, f->text, sizeof f->text);
    pthread_mutex_unlock(&f->layer->lock);
}
