/* Copying a view of any strides into contiguous memory, over the host's threads. */
#ifndef DVT_CPU_COPY_H
#define DVT_CPU_COPY_H

#include "dovetail.h"
#include "element.h"

/* Row-major elements of `from` to `to`, which has the same shape and any strides. */
void dvt_copy_view(const dvt_host *host, const dvt_tensor *from, const dvt_tensor *to,
                   uint32_t size);

#endif
