/* A crash inside a call of the layer: one report on stderr that names the call, then the handler that
 * was there before (faulthandler's, which writes the Python traceback) goes on. Only what is
 * async-signal-safe is used here. */
#include "validate_guard.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <unistd.h>

static struct sigaction before_segv, before_bus;

typedef struct report {
    char text[600];
    size_t used;
} report;

static void put(report *r, const char *text) {
    while (*text != '\0' && r->used < sizeof r->text) r->text[r->used++] = *text++;
}

static void put_number(report *r, uint64_t value, unsigned base) {
    char digits[24];
    size_t n = 0;
    do {
        digits[n++] = "0123456789abcdef"[value % base];
        value /= base;
    } while (value != 0);
    while (n > 0 && r->used < sizeof r->text) r->text[r->used++] = digits[--n];
}

static const char *access_word(const void *context) {
#if defined(__linux__) && defined(__x86_64__)
    const ucontext_t *u = context;
    return (u->uc_mcontext.gregs[REG_ERR] & 2) ? "wrote" : "read";
#else
    (void)context;
    return "read or wrote";
#endif
}

static void put_call(report *r, const dvv_frame *f) {
    put(r, f->slot);
    if (f->op != NULL) {
        put(r, " of ");
        put(r, f->op);
    }
    put(r, " of ");
    put(r, f->layer != NULL ? f->layer->below.table.name : "a plugin");
}

static void put_region(report *r, const dvv_region *g, uintptr_t address, const void *context) {
    uintptr_t start = (uintptr_t)g->start, end = start + (uintptr_t)g->bytes;
    put(r, " on ");
    put(r, g->device);
    put(r, ": it ");
    put(r, access_word(context));
    if (address >= end) {
        put(r, " past the end of ");
    } else {
        put(r, " in front of ");
    }
    put(r, g->role);
    put(r, " ");
    put_number(r, g->index, 10);
    put(r, ", which has ");
    put_number(r, g->bytes, 10);
    put(r, " bytes: ");
    put_number(r, address >= end ? address - end + 1 : start - address, 10);
    put(r, address >= end ? " bytes past its end" : " bytes in front of it");
    put(r, ". The fault is the plugin's.\n");
}

static void write_report(int number, const siginfo_t *info, const void *context) {
    report r = {.used = 0};
    uintptr_t address = (uintptr_t)info->si_addr;
    const dvv_region *g = address != 0 ? dvv_region_at(address) : NULL;
    const dvv_frame *f = g != NULL && g->frame != NULL ? g->frame : dvv_top;
    if (f == NULL) return; /* nothing of ours */
    put(&r, "validation: ");
    put_call(&r, f);
    if (g != NULL && g->frame != NULL) {
        put_region(&r, g, address, context);
    } else {
        put(&r, number == SIGBUS ? ": it crashed with SIGBUS at 0x"
                                 : ": it crashed with SIGSEGV at 0x");
        put_number(&r, address, 16);
        put(&r, ", which is no guard page of an operand.\n");
    }
    for (size_t done = 0; done < r.used;) {
        ssize_t n = write(STDERR_FILENO, r.text + done, r.used - done);
        if (n <= 0) break;
        done += (size_t)n;
    }
}

static void pass_on(int number, siginfo_t *info, void *context, const struct sigaction *to) {
    if ((to->sa_flags & SA_SIGINFO) && to->sa_sigaction != NULL) {
        to->sa_sigaction(number, info, context);
    } else if (to->sa_handler != SIG_DFL && to->sa_handler != SIG_IGN) {
        to->sa_handler(number);
    } else {
        struct sigaction plain;
        memset(&plain, 0, sizeof plain);
        plain.sa_handler = SIG_DFL;
        sigaction(number, &plain, NULL); /* on return the access happens again, and ends it */
    }
}

static void on_fault(int number, siginfo_t *info, void *context) {
    static _Atomic int inside;
    if (atomic_exchange(&inside, 1) == 0) write_report(number, info, context);
    pass_on(number, info, context, number == SIGBUS ? &before_bus : &before_segv);
    atomic_store(&inside, 0);
}

/* A thread that ran out of stack needs another one to report it; a thread that has one keeps it. */
static void give_stack(void) {
    stack_t now;
    memset(&now, 0, sizeof now);
    if (sigaltstack(NULL, &now) != 0 || !(now.ss_flags & SS_DISABLE)) return;
    size_t size = 64u << 10;
    void *memory = malloc(size); /* for ever: the handler may run until the process ends */
    if (memory == NULL) return;
    stack_t stack;
    memset(&stack, 0, sizeof stack);
    stack.ss_sp = memory;
    stack.ss_size = size;
    if (sigaltstack(&stack, NULL) != 0) free(memory);
}

int dvv_fault_install(void) {
    static bool done;
    if (done) return 0;
    give_stack();
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_sigaction = on_fault;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigemptyset(&action.sa_mask);
    if (sigaction(SIGSEGV, &action, &before_segv) != 0) return -1;
    if (sigaction(SIGBUS, &action, &before_bus) != 0) return -1;
    done = true;
    return 0;
}
