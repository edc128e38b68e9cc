/* Calls that compute: a kernel's run and an executable's execute go through the same checks. */
#ifndef DVF_VALIDATE_CALL_H
#define DVF_VALIDATE_CALL_H

#include "validate.h"

/* What prepare or compile was asked and has answered; run and execute must keep to it. */
typedef struct dvv_promise {
    dvt_tensor *inputs, *outputs; /* specs; their extents lie in `extents` */
    int64_t *extents;
    uint32_t n_inputs, n_outputs, n_attrs;
    uint32_t row_flags; /* DVT_KERNEL_... */
    uint64_t host_inputs, may_alias, workspace_size, workspace_alignment;
} dvv_promise;

/* Copy the specs of an op or graph; false without memory. */
bool dvv_promise_specs(dvv_promise *promise, const dvt_tensor *const *inputs, uint32_t n_inputs,
                       const dvt_tensor *const *outputs, uint32_t n_outputs);
void dvv_promise_clear(dvv_promise *promise);

/* Whether run may be called as it is: views like the specs, aliases only as allowed, workspace as asked.
 * False after a finding. */
bool dvv_check_call(dvv_frame *frame, const dvv_promise *promise, const dvt_call *call,
                    const dvv_device *device);

/* Bits of may_alias that name no operand. */
uint64_t dvv_alias_strays(uint64_t may_alias, uint32_t n_inputs, uint32_t n_outputs);

/* Whether two views of one memory, neither of them empty, have a byte in common. Opaque: their data are
 * handles, which tell nothing about each other. */
bool dvv_overlap(const dvt_tensor *a, const dvt_tensor *b, bool opaque);

typedef dvt_status (*dvv_invoke)(const void *target, const dvt_call *call, dvt_error *error);

/* Run on guarded copies of host memory, and look at what became of them. `call` has the plugin's own
 * handles already. */
dvt_status dvv_run_guarded(dvv_frame *frame, const dvv_promise *promise, const dvt_call *call,
                           const char *device, dvv_invoke invoke, const void *target);

#endif
