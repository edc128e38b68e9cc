/* What a plugin may not change about the process: floating-point modes, locale, signal handlers. */
#ifndef DVF_VALIDATE_PROCESS_H
#define DVF_VALIDATE_PROCESS_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is cheap enough to look at around every call. */
typedef struct dvv_process {
    uint32_t vector_mode; /* MXCSR without its sticky flags; FPCR */
    uint32_t scalar_mode; /* the x87 control word; 0 elsewhere */
    const char *locale;   /* the C library's own text, replaced by setlocale */
} dvv_process;

void dvv_process_read(dvv_process *process);
/* Put the floating-point modes back, and say all that had changed, the locale too, in `text`; false when
 * nothing had. */
bool dvv_process_restore(const dvv_process *before, char *text, size_t size);

#define DVV_SIGNALS 9

/* What is looked at around loading and device_open: also signal handlers. */
typedef struct dvv_snapshot {
    dvv_process process;
    struct sigaction handlers[DVV_SIGNALS];
} dvv_snapshot;

void dvv_snapshot_take(dvv_snapshot *snapshot);
bool dvv_snapshot_restore(const dvv_snapshot *before, char *text, size_t size);

#endif
