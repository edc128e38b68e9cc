/* transfer.h: every copy of the core. */
#ifndef DVF_TRANSFER_H
#define DVF_TRANSFER_H

#include "stream.h"

int dvf_transfer_init(PyObject *module);

/* Copy between two views of equal shape and dtype, any strides. A device null: plain host memory. Where
 * host memory takes part, the copy is done on return; within the device memories of one plugin it is
 * enqueued. `what` names it should it fail late. False with a failure. Needs no interpreter lock. */
bool dvf_copy(const dvt_tensor *source, dvf_device *from, const dvt_tensor *destination,
              dvf_device *to, const char *what, dvf_failure *failure);
/* dvf_copy with the lock, which is released meanwhile; 0 or -1 with an exception. */
int dvf_copy_or_raise(const dvt_tensor *source, dvf_device *from, const dvt_tensor *destination,
                      dvf_device *to, const char *what);
/* For plans: enqueue one copy by the device's own slot; each end lies with it (own) or on the host. What
 * touches host memory is not waited for. Needs no lock. */
bool dvf_enqueue_copy(dvf_device *device, const dvt_tensor *source, bool own_source,
                      const dvt_tensor *destination, bool own_destination, const char *what,
                      dvf_failure *failure);

/* Copy an array's values, row by row, to host memory; 0 or -1 with an exception. */
int dvf_copy_to_host(dvf_array *a, void *destination);
/* Write one element into a 0-d array that nobody reads yet; 0 or -1 with an exception. */
int dvf_write_element(dvf_array *a, const void *element);

/* host_copy.c: between two views in memory the host can address. */
void dvf_host_copy(const dvt_tensor *source, const dvt_tensor *destination);
/* Bytes of a view's elements. */
uint64_t dvf_view_bytes(const dvt_tensor *view);
/* Strides (elements) of a contiguous view of that shape. */
void dvf_row_strides(const dvt_tensor *like, int64_t *strides);
/* First and last byte (exclusive) of a view's elements, from data. */
void dvf_view_span(const dvt_tensor *view, uint64_t *first, uint64_t *end);

#endif
