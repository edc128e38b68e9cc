/* Floating-point modes, locale and signal handlers: read before a call, compared and put back after. */
#include "validate_process.h"

#include <locale.h>
#include <stdio.h>
#include <string.h>

#if defined(__x86_64__) || defined(__i386__)
#define STICKY 0x3Fu /* exceptions that have happened: no mode */
static uint32_t vector_mode(void) {
    return (uint32_t)__builtin_ia32_stmxcsr() & ~STICKY;
}
static void set_vector_mode(uint32_t mode) {
    __builtin_ia32_ldmxcsr(mode | ((uint32_t)__builtin_ia32_stmxcsr() & STICKY));
}
static uint32_t scalar_mode(void) {
    uint16_t word;
    __asm__ volatile("fnstcw %0" : "=m"(word));
    return word;
}
static void set_scalar_mode(uint32_t mode) {
    uint16_t word = (uint16_t)mode;
    __asm__ volatile("fldcw %0" : : "m"(word));
}
static const char *words(uint32_t before, uint32_t after) {
    if ((before ^ after) & 0x8040u) return "denormals are now flushed to zero, or no longer are";
    if ((before ^ after) & 0x6000u) return "the rounding mode is another";
    return "the exception mask is another";
}
#elif defined(__aarch64__)
static uint32_t vector_mode(void) {
    uint64_t mode;
    __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
    return (uint32_t)mode;
}
static void set_vector_mode(uint32_t mode) {
    __asm__ volatile("msr fpcr, %0" : : "r"((uint64_t)mode));
}
static uint32_t scalar_mode(void) {
    return 0;
}
static void set_scalar_mode(uint32_t mode) {
    (void)mode;
}
static const char *words(uint32_t before, uint32_t after) {
    if ((before ^ after) & 0x1000000u) return "denormals are now flushed to zero, or no longer are";
    if ((before ^ after) & 0xC00000u) return "the rounding mode is another";
    return "the exception mask is another";
}
#else
#include <fenv.h>
static uint32_t vector_mode(void) {
    return (uint32_t)fegetround();
}
static void set_vector_mode(uint32_t mode) {
    fesetround((int)mode);
}
static uint32_t scalar_mode(void) {
    return 0;
}
static void set_scalar_mode(uint32_t mode) {
    (void)mode;
}
static const char *words(uint32_t before, uint32_t after) {
    (void)before;
    (void)after;
    return "the rounding mode is another";
}
#endif

void dvv_process_read(dvv_process *process) {
    process->vector_mode = vector_mode();
    process->scalar_mode = scalar_mode();
    process->locale = setlocale(LC_ALL, NULL);
}

bool dvv_process_restore(const dvv_process *before, char *text, size_t size) {
    dvv_process now;
    char vector[140] = "", scalar[100] = "", locale[100] = "";
    dvv_process_read(&now);
    if (now.vector_mode != before->vector_mode) {
        snprintf(vector, sizeof vector,
                 "the floating-point mode was 0x%x before and 0x%x after it: %s; ",
                 before->vector_mode, now.vector_mode, words(before->vector_mode, now.vector_mode));
        set_vector_mode(before->vector_mode);
    }
    if (now.scalar_mode != before->scalar_mode) {
        snprintf(scalar, sizeof scalar, "the x87 control word was 0x%x before and 0x%x after it; ",
                 before->scalar_mode, now.scalar_mode);
        set_scalar_mode(before->scalar_mode);
    }
    /* Not put back: the text of the old one is gone, and other threads may use the new one. */
    if (now.locale != before->locale)
        snprintf(locale, sizeof locale, "it set the locale of the process, which is now %.50s",
                 now.locale != NULL ? now.locale : "unknown");
    const char *back = vector[0] == '\0' && scalar[0] == '\0' ? ""
                       : locale[0] == '\0'                    ? "the old mode was put back"
                                                              : "the old mode was put back; ";
    snprintf(text, size, "%s%s%s%s", vector, scalar, back, locale);
    return text[0] != '\0';
}

static const struct {
    int number;
    const char *name;
} watched[DVV_SIGNALS] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"},   {SIGFPE, "SIGFPE"},
                          {SIGILL, "SIGILL"},   {SIGABRT, "SIGABRT"}, {SIGINT, "SIGINT"},
                          {SIGTERM, "SIGTERM"}, {SIGPIPE, "SIGPIPE"}, {SIGCHLD, "SIGCHLD"}};

void dvv_snapshot_take(dvv_snapshot *snapshot) {
    memset(snapshot, 0, sizeof *snapshot);
    dvv_process_read(&snapshot->process);
    for (int i = 0; i < DVV_SIGNALS; i++)
        sigaction(watched[i].number, NULL, &snapshot->handlers[i]);
}

bool dvv_snapshot_restore(const dvv_snapshot *before, char *text, size_t size) {
    bool changed = false;
    for (int i = 0; i < DVV_SIGNALS; i++) {
        struct sigaction now;
        memset(&now, 0, sizeof now);
        if (sigaction(watched[i].number, NULL, &now) != 0) continue;
        const struct sigaction *was = &before->handlers[i];
        /* Handler and its three-argument form share one place. */
        if (now.sa_handler == was->sa_handler) continue;
        snprintf(text, size, "it installed a handler for %s; the old one was put back",
                 watched[i].name);
        sigaction(watched[i].number, was, NULL);
        changed = true;
    }
    char other[300];
    if (!dvv_process_restore(&before->process, other, sizeof other)) return changed;
    if (!changed) snprintf(text, size, "%s", other);
    return true;
}
