/* Copying a view of any strides into contiguous memory, over the host's threads. */
#ifndef DVT_CPU_COPY_H
#define DVT_CPU_COPY_H

#include "dovetail.h"
#include "element.h"

/* Row-major elements of `from` to `to`, which has the same shape and any strides. */
void dvt_copy_view(const dvt_host *host, const dvt_tensor *from, const dvt_tensor *to,
                   uint32_t size);

/* rows x columns of `to`, whose rows are contiguous, from the transposed `from`, whose columns are;
 * strides in bytes. */
void dvt_copy_tile(char *to, int64_t to_stride, const char *from, int64_t from_stride, int64_t rows,
                   int64_t columns, uint32_t size);

#endif
