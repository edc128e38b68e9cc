/* fast.h: what the files of the hot path share.
 *
 * Reading order: array.c (what a user holds) -> opfunction.c (parse a call) -> dispatch.c (key,
 * cache, launch) -> kernel.c (ask a device) -> alloc.c -> tape.c -> tree.c -> plan.c -> jit.c.
 * Everything here runs with the interpreter lock held unless it says otherwise. */
#ifndef DVF_FAST_H
#define DVF_FAST_H

#define PY_SSIZE_T_CLEAN
#include <Python.h>

#include <stdbool.h>
#include <stdint.h>

#include "dovetail.h"
#include "host.h"
#include "loader.h"
#include "pace.h"

/* ISO C has no cast from function to object pointer; type slots need one. */
#define DVF_FN(f) ((void *)(uintptr_t)(f))

#define DVF_MAX_NDIM 64   /* DLPack and numpy stop there too */
#define DVF_INLINE_NDIM 5 /* extents and strides kept inside the Array up to here */
#define DVF_MAX_OPERANDS 64

/* ---- dtypes (dtypes.c) ----------------------------------------------------------------------- */

enum { DVF_KIND_BOOL, DVF_KIND_INT, DVF_KIND_UINT, DVF_KIND_FLOAT, DVF_KIND_COMPLEX };
enum {
    DVF_BOOL = 0,
    DVF_INT64 = 4,
    DVF_FLOAT16 = 9,
    DVF_BFLOAT16,
    DVF_FLOAT32,
    DVF_FLOAT64,
    DVF_COMPLEX64,
    DVF_COMPLEX128,
    DVF_NDTYPES
};

typedef struct dvf_dtype {
    dvt_dtype abi;
    uint8_t itemsize;
    uint8_t kind;
    const char *format; /* buffer protocol, null for bfloat16 */
    PyObject *object;   /* dovetail.dtypes.DType */
} dvf_dtype;

#define DVF_MAX_ITEMSIZE 16

extern dvf_dtype dvf_dtypes[DVF_NDTYPES]; /* in the order of dovetail.dtypes.DTYPES */
int dvf_dtype_index(PyObject *object);    /* DType -> index; -1 with TypeError */
int dvf_dtype_from_abi(dvt_dtype abi);    /* -1 when unknown, no error set */
PyObject *dvf_set_dtypes(PyObject *self, PyObject *dtypes);
/* Whether a gradient may flow through elements of a dtype. */
static inline bool dvf_dtype_differentiable(int dtype) {
    return dvf_dtypes[dtype].kind >= DVF_KIND_FLOAT;
}

/* ---- devices and memory (device.c, alloc.c) --------------------------------------------------- */

#define DVF_SIZE_CLASSES 200

typedef struct dvf_buffer dvf_buffer;

/* How far a device can be used (stream.c words what became of it). */
enum { DVF_OPEN, DVF_CLOSING, DVF_CLOSED, DVF_LOST, DVF_FORKED };

typedef struct dvf_device {
    PyObject_HEAD dvf_plugin *plugin;
    dvt_device *handle; /* null without a device table */
    PyObject *name;     /* "cpu:0" */
    PyObject *rows;     /* what devices.py keeps with it */
    dvt_place place;
    uint32_t alignment;
    dvt_stream *stream;      /* what calls carry; null: run synchronously */
    struct dvf_queue *queue; /* what was enqueued (stream.c); null: nothing ever is */
    uint32_t in_flight;      /* calls into the plugin without the interpreter lock */
    uint8_t state;           /* DVF_OPEN, ... */
    bool guarded;            /* it has a stream or is not open: calls take the longer path */
    bool host_memory;        /* the host can address space 0, once the device's work is done */
    bool host_visible;       /* the same, and there is no work to wait for: memory may be shared */
    bool pooled;             /* the plugin pools: keep no cache of our own */
    bool opaque;             /* data of space 0 is a handle: no arithmetic on it */
    dvf_buffer *blocks;      /* every block that the system gave and has not got back */
    struct dvf_made *made;   /* every kernel and executable (closing.c) */
    dvf_buffer *free_lists[DVF_SIZE_CLASSES];
    uint64_t cached_bytes, live_bytes, peak_bytes, allocations, system_allocations;
} dvf_device;

/* Storage that arrays share. Immutable once its first writer is done. */
struct dvf_buffer {
    Py_ssize_t references;
    void *data;
    uint64_t size;             /* usable bytes */
    dvf_device *device;        /* devices live for ever */
    PyObject *owner;           /* foreign memory: who keeps it alive; null for our own */
    dvf_buffer *next;          /* free list */
    dvf_buffer *newer, *older; /* blocks of the device */
    uint64_t
        written; /* tag of the call that writes it, or of a later one; 0 where none fails late */
    int32_t size_class;
    bool donated;
    bool lost; /* the call that should have written it failed late */
};

/* Whether its handles may still be given back. */
static inline bool dvf_alive(const dvf_device *d) {
    return d->state <= DVF_CLOSING;
}

extern PyTypeObject *dvf_device_type;
int dvf_device_init(PyObject *module);
PyObject *dvf_py_open_device(PyObject *self, PyObject *args);
PyObject *dvf_py_device_count(PyObject *self, PyObject *capsule);
int dvf_shut_down_later(dvf_plugin *plugin); /* closing.c; 0 or -1 */
PyObject *dvf_py_memory_stats(PyObject *self, PyObject *device);
PyObject *dvf_py_memory_reset_peak(PyObject *self, PyObject *device);
PyObject *dvf_py_memory_trim(PyObject *self, PyObject *device);

dvf_buffer *dvf_alloc(dvf_device *device, uint64_t size); /* null with OutOfMemoryError */
dvf_buffer *dvf_adopt_memory(dvf_device *device, void *data, uint64_t size, PyObject *owner);
void dvf_free(dvf_buffer *buffer); /* called at references == 0 */
void dvf_trim(dvf_device *device);
/* Give back everything, arrays' memory too, which nobody may touch from then on. */
void dvf_release_all(dvf_device *device);
/* Values written by the call with this tag, or by a later one, are gone. */
void dvf_lose_written(dvf_device *device, uint64_t first);
static inline void dvf_retain(dvf_buffer *b) {
    b->references++;
}
static inline void dvf_release(dvf_buffer *b) {
    if (--b->references == 0) dvf_free(b);
}

/* ---- arrays (array.c, interchange.c) ---------------------------------------------------------- */

typedef struct dvf_array {
    PyObject_HEAD dvt_tensor
        view;           /* DLPack layout; shape and strides point to dims or to the heap */
    dvf_buffer *buffer; /* null for traced arrays */
    dvf_device *device;
    PyObject *tracer; /* dovetail.graph.Value of a traced array, else null */
    PyObject *weakrefs;
    uint8_t dtype;   /* index into dvf_dtypes */
    bool contiguous; /* row-major, computed once */
    bool weak;       /* traced from a Python scalar */
    int64_t dims[2 * DVF_INLINE_NDIM];
} dvf_array;

extern PyTypeObject *dvf_array_type;
#define dvf_is_array(o) (Py_TYPE(o) == dvf_array_type)
int dvf_array_init(PyObject *module);
dvf_array *dvf_array_new(int ndim); /* no buffer, no shape yet; null with MemoryError */
/* Contiguous, over a buffer whose reference is taken over, even on failure. */
dvf_array *dvf_array_from_buffer(dvf_buffer *buffer, dvf_device *device, int dtype, int ndim,
                                 const int64_t *shape);
/* Another Array over the same storage. */
dvf_array *dvf_array_view(dvf_array *base, int ndim, const int64_t *shape, const int64_t *strides,
                          int64_t offset_elements);
dvf_array *dvf_array_alias(dvf_array *base);
dvf_array *dvf_array_empty(dvf_device *device, int dtype, int ndim, const int64_t *shape);
void dvf_array_update_contiguous(dvf_array *a);
int64_t dvf_array_size(const dvf_array *a);
static inline char *dvf_array_data(const dvf_array *a) {
    return (char *)a->view.data + a->view.byte_offset;
}
int dvf_array_check(const dvf_array *a); /* -1 with an exception when its values are gone */
extern PyObject *dvf_array_operators;    /* dict name -> OpFunction, set by array.py */
int dvf_interchange_init(PyObject *module);
int dvf_array_getbuffer(PyObject *self, Py_buffer *view, int flags);
void dvf_array_releasebuffer(PyObject *self, Py_buffer *view);
PyObject *dvf_array_dlpack(PyObject *self, PyObject *args, PyObject *kwargs);
PyObject *dvf_array_dlpack_device(PyObject *self, PyObject *unused);
PyObject *dvf_array_item(PyObject *self, PyObject *unused);
PyObject *dvf_py_from_buffer(PyObject *self, PyObject *args);
PyObject *dvf_py_from_dlpack(PyObject *self, PyObject *args);
PyObject *dvf_py_traced(PyObject *self, PyObject *args);

/* Errors: the Python classes and a printf for them (errors.c). */
extern PyObject *dvf_DeviceError, *dvf_OpError, *dvf_OutOfMemoryError, *dvf_DonatedError,
    *dvf_TraceError, *dvf_PluginError;
int dvf_errors_init(void);
/* Turn a failed status into the right Python exception; `slot` is named where the plugin gave no text.
 * Returns null. */
PyObject *dvf_raise_slot(dvt_status status, const dvt_error *error, const char *device,
                         const char *what, const char *slot);
static inline void dvf_error_clear(dvt_error *e) {
    e->struct_size = (uint32_t)sizeof *e;
    e->flags = 0;
    e->code = 0;
    e->reserved = 0;
    e->native_code = 0;
    e->tag = 0;
    e->message[0] = '\0';
}

/* ---- kernels (kernel.c) ----------------------------------------------------------------------- */

typedef struct dvf_attrs {
    dvt_attr *items;
    uint32_t count;
    void *storage;  /* values of all items */
    PyObject *keep; /* strings */
} dvf_attrs;

int dvf_attrs_from_dict(PyObject *dict, dvf_attrs *attrs); /* skips None */
void dvf_attrs_clear(dvf_attrs *attrs);

/* A prepared kernel: what the cache and plans call. */
typedef struct dvf_kernel {
    PyObject_HEAD dvt_run_fn run;
    dvt_kernel *handle;
    struct dvf_made *made;  /* a plugin's kernel that is to be destroyed; or null */
    dvf_destroy_fn destroy; /* of one that is not a plugin's */
    dvf_device *device;
    dvf_attrs attrs;
    PyObject *op_name;
    uint64_t workspace_size, workspace_alignment, cost_ns, may_alias, host_inputs;
    uint32_t flags, row_flags;
    dvf_pace pace;
    bool hosted; /* some operands are in host memory although its device has its own */
} dvf_kernel;

extern PyTypeObject *dvf_kernel_type;
int dvf_kernel_init(PyObject *module);
PyObject *dvf_py_prepare(PyObject *self, PyObject *args);
PyObject *dvf_py_host_kernel(PyObject *self, PyObject *args);    /* host_kernel.c */
PyObject *dvf_py_control_kernel(PyObject *self, PyObject *args); /* control_flow.c */
#define DVF_INFO_PYTHON 0x80000000u /* of a kernel's flags: it is a function of Python */
/* Whether a hosted kernel reads operand i in host memory. */
static inline bool dvf_reads_host(const dvf_kernel *k, uint32_t i) {
    return (k->row_flags & DVT_KERNEL_ON_HOST) || (i < 64 && (k->host_inputs >> i & 1));
}
/* Run with the lock held or released by cost; 0 or -1 with an exception. */
int dvf_kernel_call(dvf_kernel *kernel, dvt_call *call);
/* The device memory that a call works in, if the kernel asks for some (else null); the caller releases
 * it after the call. 0 or -1 with an exception. */
int dvf_take_workspace(dvf_kernel *kernel, dvt_call *call, dvf_buffer **workspace);
/* The same with host copies of what a hosted kernel asks for (hosted.c). */
int dvf_launch_hosted(dvf_kernel *kernel, dvt_call *call);
/* With workspace, stream and tag. */
int dvf_kernel_launch(dvf_kernel *kernel, const dvt_tensor *const *inputs, uint32_t n_inputs,
                      const dvt_tensor *const *outputs, uint32_t n_outputs);

/* ---- op functions and dispatch (opfunction.c, dispatch.c) ------------------------------------- */

typedef struct dvf_op {
    PyObject_HEAD vectorcallfunc vectorcall;
    PyObject *record; /* dovetail.op.Op */
    PyObject *name;
    PyObject *operands;   /* tuple of interned names */
    PyObject *attributes; /* tuple of interned names */
    PyObject *defaults;   /* tuple, REQUIRED where there is none */
    PyObject *groups;     /* bytes: type variable of each operand, for weak scalars */
    PyObject *gradient;   /* tuple of rules, one callable (variadic, together) or None */
    PyObject *dict;       /* __doc__, __name__, __signature__ */
    int n_operands, n_attributes;
    bool variadic, composite, decomposes, together;
    uint64_t id;
} dvf_op;

extern PyTypeObject *dvf_op_type;
int dvf_op_init(PyObject *module);
extern PyObject *dvf_required;

/* Returns an Array or a tuple of Arrays (new reference). attrs: n_attributes borrowed values. */
PyObject *dvf_dispatch(dvf_op *op, dvf_array **inputs, int n, PyObject *const *attrs);
PyObject *dvf_py_clear_cache(PyObject *self, PyObject *unused);
PyObject *dvf_py_set_hooks(PyObject *self, PyObject *hooks);
PyObject *dvf_py_set_device(PyObject *self, PyObject *device);
PyObject *dvf_py_get_device(PyObject *self, PyObject *unused);
PyObject *dvf_py_trace_depth(PyObject *self, PyObject *delta);
dvf_device *dvf_current_device(void); /* borrowed; opens the default on first use */
extern PyObject *dvf_hook_record, *dvf_hook_resolve, *dvf_hook_operand, *dvf_hook_call_recorded;
int dvf_tracing(void);

/* ---- differentiation (tape.c) ----------------------------------------------------------------- */

int dvf_tape_init(PyObject *module);
extern _Thread_local struct dvf_tape *dvf_tape_top; /* innermost active tape, or null */
bool dvf_tape_watches(dvf_array *const *inputs, int n);
/* Record on every tape that watches an input. attrs: tuple of canonical values. */
int dvf_tape_record(dvf_op *op, dvf_array *const *inputs, int n, PyObject *outputs,
                    PyObject *attrs);
/* self is about to be rebound (x[i] = v): tapes keep `old` in its place. */
void dvf_tape_replace(dvf_array *self, dvf_array *old);

/* ---- containers (tree.c) ---------------------------------------------------------------------- */

extern PyTypeObject *dvf_treedef_type;
int dvf_tree_init(PyObject *module);
PyObject *dvf_py_tree_flatten(PyObject *self, PyObject *object);
PyObject *dvf_py_tree_unflatten(PyObject *self, PyObject *args);
PyObject *dvf_py_tree_flatten_up_to(PyObject *self, PyObject *args);
int dvf_tree_flatten(PyObject *object, PyObject *leaves, PyObject **treedef);
/* Rebuild from n leaves (borrowed). */
PyObject *dvf_tree_unflatten(PyObject *treedef, PyObject *const *leaves, Py_ssize_t n);
/* Field names of a dataclass type (borrowed tuple), or null without error when it is none. */
PyObject *dvf_dataclass_fields(PyTypeObject *type);

/* ---- compiled functions (plan.c, jit.c) ------------------------------------------------------- */

int dvf_plan_init(PyObject *module);
int dvf_jit_init(PyObject *module);
extern PyTypeObject *dvf_plan_type;

#endif /* DVF_FAST_H */
