/* DLPack's managed tensors, and arrays made into them and from them. The tensor itself is dvt_tensor,
 * which has DLTensor's layout. */
#ifndef DVF_DLPACK_H
#define DVF_DLPACK_H

#include "fast.h"

#define DVF_DLPACK_MAJOR 1u
#define DVF_DLPACK_MINOR 3u

#define DVF_DLPACK_READ_ONLY 1u
#define DVF_DLPACK_IS_COPIED 2u

typedef struct dvf_managed {
    dvt_tensor tensor;
    void *context;
    void (*deleter)(struct dvf_managed *);
} dvf_managed; /* DLManagedTensor */

typedef struct dvf_managed_versioned {
    uint32_t major, minor;
    void *context;
    void (*deleter)(struct dvf_managed_versioned *);
    uint64_t flags;
    dvt_tensor tensor;
} dvf_managed_versioned; /* DLManagedTensorVersioned */

/* What DLPack calls an array's tensor, pointing into the array. -1 with BufferError when it has no
 * memory; waits for devices whose work a reader could overtake. */
int dvf_dlpack_describe(dvf_array *a, dvt_tensor *out);
/* A managed tensor that keeps the array alive; null with an exception. */
dvf_managed_versioned *dvf_dlpack_manage(dvf_array *a, uint64_t flags);
/* An array over a producer's memory; takes the managed tensor over only when it succeeds. */
PyObject *dvf_dlpack_adopt(dvf_managed_versioned *m, dvf_device *device);
/* The device (borrowed: devices live for ever) that a DLPack place belongs to; null with an
 * exception. */
dvf_device *dvf_dlpack_home(dvt_place place);
int dvf_dlpack_exchange_init(void); /* __dlpack_c_exchange_api__, in dlpack_exchange.c */

#endif
