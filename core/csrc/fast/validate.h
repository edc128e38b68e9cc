/* validate.h: what the files of the validation layer share (DOVETAIL_VALIDATE=1).
 *
 * The layer stands between the host and one plugin and judges both by dovetail.h. Every slot the core
 * calls is one of ours: it opens a frame, looks at what the host gives, calls the plugin, looks at
 * what the plugin did, and closes the frame, which turns the first finding into an error.
 *
 * Reading order: validate.c (how the layer is put in) -> validate_frame.c (one call, its findings)
 * -> validate_handle.c -> validate_view.c, validate_memory.c, validate_order.c (what is checked)
 * -> validate_kernel.c, validate_device.c, validate_transfer.c, validate_stream.c, validate_graph.c
 * (the slots) -> validate_guarded.c, validate_guard.c, validate_fault.c (writes outside outputs)
 * -> validate_host.c (the plugin's calls back) -> validate_process.c (modes, locale, signals).
 *
 * Nothing here needs the interpreter lock. One lock per layer guards its books; it is never held
 * while the plugin or the host is called. */
#ifndef DVF_VALIDATE_H
#define DVF_VALIDATE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dovetail.h"
#include "host.h"
#include "loader.h"
#include "validate_process.h"

/* Kinds of checks, counted so that a test can prove that the layer looked. */
typedef enum dvv_check {
    DVV_HANDLES,
    DVV_STRUCTS,
    DVV_MEMORY,
    DVV_VIEWS,
    DVV_INPUTS,
    DVV_OUTPUTS,
    DVV_RERUNS,
    DVV_WORKSPACE,
    DVV_PROCESS,
    DVV_THREADS,
    DVV_HOST_CALLS,
    DVV_ORDER,
    DVV_ERRORS,
    DVV_EXTENSIONS,
    DVV_GRAPHS,
    DVV_FINDINGS,
    DVV_CHECKS
} dvv_check;

typedef struct dvv_block dvv_block;
typedef struct dvv_loan dvv_loan;
typedef struct dvv_handle dvv_handle;

#define DVV_LOAN_CHAINS 256

/* The layer over one plugin. `up` is first: the pointer the core hands to every call is the layer. */
typedef struct dvv_layer {
    dvt_host up;      /* what the core is given and gives back in every call */
    dvt_host down;    /* what the plugin is given: its calls back are checked */
    dvf_plugin below; /* what was there before */
    const dvf_plugin *plugin;
    struct dvv_layer *next;
    pthread_mutex_t lock;
    dvv_block *blocks; /* live memory, sorted by address (validate_memory.c) */
    size_t n_blocks, room_blocks;
    dvv_loan *loans[DVV_LOAN_CHAINS]; /* host memory that the plugin holds (validate_host.c) */
    uint64_t held_blocks, held_bytes;
    _Atomic uint32_t n_streams; /* numbers given out, the host's own being 0 (validate_order.c) */
    uint64_t *host_clock;
    uint32_t host_clock_size;
    _Atomic bool has_pending;
    char pending[480]; /* a finding of a slot without status, for the next one that has one */
    _Atomic uint64_t counts[DVV_CHECKS];
} dvv_layer;

/* Put a layer over a plugin that no device of was opened yet; null without memory. */
dvv_layer *dvv_layer_put(dvf_plugin *plugin);
dvv_layer *dvv_layer_first(void);                    /* the others by `next` */
dvv_layer *dvv_layer_over(const dvf_plugin *plugin); /* whatever lies above it; or null */
dvv_layer *dvv_layer_of(const dvt_host *host);       /* by its `up`; null when it is none of ours */
static inline void dvv_count(dvv_layer *layer, dvv_check kind) {
    if (layer != NULL) atomic_fetch_add_explicit(&layer->counts[kind], 1, memory_order_relaxed);
}

/* ---- one call (validate_frame.c) ------------------------------------------------------------- */

#define DVV_HANDLES_PER_CALL 4

typedef struct dvv_frame {
    struct dvv_frame *outer; /* of this thread */
    dvv_layer *layer;        /* null when the call could not be attributed */
    const char *slot;        /* "run" */
    const char *op;          /* "add", or null */
    dvt_error *caller;       /* null: the slot has no status */
    dvt_error error;     /* what the plugin gets; its last bytes are out of bounds and guarded */
    uint64_t tag;        /* the only tag an error of this call may carry, 0 = any */
    dvv_process process; /* modes and locale before the plugin was called */
    bool called;         /* the plugin was called */
    _Atomic int found;   /* findings */
    char text[480];      /* the first of them */
    dvv_handle *handles[DVV_HANDLES_PER_CALL];
    uint8_t uses[DVV_HANDLES_PER_CALL];
    uint32_t n_handles;
    _Atomic int64_t loans; /* host memory taken during this call and not given back */
} dvv_frame;

extern _Thread_local dvv_frame *dvv_top; /* the innermost frame of this thread, or null */

void dvv_open(dvv_frame *frame, dvv_layer *layer, const char *slot, const char *op,
              dvt_error *caller);
/* The last thing before the plugin is called: its modes are remembered. */
void dvv_calling(dvv_frame *frame);

/* What a slot may answer besides DVT_OK and errors. */
#define DVV_MAY_REFUSE 1u /* DVT_UNSUPPORTED */
#define DVV_MAY_PEND 2u   /* DVT_PENDING */
/* With OK it gives an object: an error in its place, over what another slot did, would lose it. */
#define DVV_MAKES 4u

/* Judge the status and the error, close the frame, and give the caller the status or the finding. */
dvt_status dvv_close(dvv_frame *frame, dvt_status status, unsigned may);
void dvv_close_void(dvv_frame *frame);

#if defined(__GNUC__)
#define DVV_PRINTF(at) __attribute__((format(printf, at, at + 1)))
#else
#define DVV_PRINTF(at)
#endif

/* Record a finding. The text says what, where and with which values, without a full stop. */
void dvv_blame_plugin(dvv_frame *frame, const char *format, ...) DVV_PRINTF(2);
void dvv_blame_host(dvv_frame *frame, const char *format, ...) DVV_PRINTF(2);

bool dvv_is_utf8(const char *text, size_t limit, size_t *length); /* NUL within limit, valid */

/* A struct of the host: its size is ours, and its chain holds only names the plugin lists. */
void dvv_check_desc(dvv_frame *frame, const char *type, uint32_t size, uint32_t want,
                    const dvt_ext *ext);

/* Room behind a struct that the plugin fills: 32 bytes that must stay as they are. */
#define DVV_TAIL 32
void dvv_tail_set(uint8_t *tail);
void dvv_tail_check(dvv_frame *frame, const char *type, const uint8_t *tail, uint32_t size,
                    uint32_t want);

static inline bool dvv_power_of_two(uint64_t n) {
    return n != 0 && (n & (n - 1)) == 0;
}

/* ---- handles (validate_handle.c) --------------------------------------------------------------- */

typedef enum dvv_kind {
    DVV_DEVICE = 1,
    DVV_STREAM,
    DVV_EVENT,
    DVV_KERNEL,
    DVV_EXECUTABLE
} dvv_kind;

/* How a slot uses a handle, by its Thread tag. */
#define DVV_SHARED 0 /* any, hot, may-block */
#define DVV_SINGLE 1 /* per-object */
#define DVV_LAST 2   /* per-object, and ends it */

#define DVV_MAGIC 0x64767621u

/* First member of every handle that the core holds. */
struct dvv_handle {
    uint32_t magic, kind;
    dvv_layer *layer;
    void *below;                        /* the plugin's own handle */
    dvv_handle *device;                 /* the device it belongs to, or null */
    const char *ended_by;               /* the slot that ended it; null while it lives */
    uint32_t inside;                    /* calls that use it now */
    bool single;                        /* one of them is a per-object one */
    bool ending;                        /* that one ends it */
    void (*forget)(dvv_handle *handle); /* frees what the struct points to; or null */
    dvv_handle *next;                   /* of its chain */
    dvv_handle *later;                  /* of the dead, the next to be forgotten */
};

/* A new live handle of `size` bytes, zero behind the first member; null without memory. */
void *dvv_handle_new(size_t size, dvv_kind kind, dvv_layer *layer, void *below, dvv_handle *device);
/* The handle, if it is a live one of that kind and layer; else null and a finding against the host.
 * It counts as used until the frame closes. */
void *dvv_use(dvv_frame *frame, const void *handle, dvv_kind kind, unsigned use);
/* Open a frame by the handle that a slot was called with. */
void *dvv_open_by(dvv_frame *frame, const char *slot, const void *handle, dvv_kind kind,
                  unsigned use, dvt_error *caller);
void dvv_unuse(dvv_frame *frame);
/* The struct behind a pointer if it is a handle of ours, of any layer, alive or dead; else null. */
dvv_handle *dvv_handle_find(const void *handle);
/* How many live handles of a kind belong to a device (null: to the layer). */
uint32_t dvv_handles_of(dvv_layer *layer, const dvv_handle *device, dvv_kind kind);
/* End every handle of a device: what the host forgot to destroy. */
void dvv_handles_end(const dvv_handle *device, const char *slot);

#define DVV_MOST_SPACES 4096 /* more are nonsense */

typedef struct dvv_space {
    uint32_t flags, alignment;
} dvv_space;

typedef struct dvv_device {
    dvv_handle handle;
    char label[48]; /* "acme:0" */
    uint32_t n_spaces;
    dvv_space *spaces;
} dvv_device;

/* Whether a host pointer into space 0 works; without a device table it does. */
static inline bool dvv_on_host(const dvv_device *device) {
    const uint32_t both = DVT_SPACE_HOST_VISIBLE | DVT_SPACE_COHERENT;
    return device == NULL || device->n_spaces == 0 || (device->spaces[0].flags & both) == both;
}
static inline bool dvv_opaque(const dvv_device *device, uint32_t space) {
    return device != NULL && space < device->n_spaces &&
           (device->spaces[space].flags & DVT_SPACE_OPAQUE) != 0;
}

/* ---- views (validate_view.c) --------------------------------------------------------------------- */

/* The bytes a view reaches, from its first element: [low, high). */
typedef struct dvv_span {
    int64_t low, high;
    uint64_t elements;
    uint32_t item; /* bytes of one element; 0: packed below a byte */
    bool contiguous;
} dvv_span;

/* False when the shape cannot be: negative extents, more axes than 64, sizes beyond 64 bits. */
bool dvv_measure(const dvt_tensor *t, dvv_span *span);

/* What an element is aligned to: complex numbers as their parts are, packed types to a byte. */
uint32_t dvv_alignment(dvt_dtype dtype);

/* What a slot promises about a view. */
#define DVV_ANY_STRIDES 1u
#define DVV_ANY_ALIGNMENT 2u
#define DVV_WRITTEN 4u    /* no two elements may share a place */
#define DVV_ON_HOST 8u    /* host memory, whoever owns it */
#define DVV_ELSEWHERE 16u /* another device's memory: not ours to know */

/* Check one operand against the host's duties; *span is filled. False after a finding. */
bool dvv_check_view(dvv_frame *frame, const char *role, uint32_t index, const dvt_tensor *t,
                    unsigned promises, const dvv_device *device, dvv_span *span);

/* Visit the view's elements in pieces of `bytes` contiguous ones, at `a` and at `b`, which are laid out
 * alike and given by their first elements. Stops and returns false when the visitor does. */
typedef bool (*dvv_visit)(void *context, char *a, char *b, size_t bytes);
bool dvv_walk(const dvt_tensor *t, char *a, char *b, dvv_visit visit, void *context);

/* ---- live memory (validate_memory.c) ------------------------------------------------------------- */

typedef struct dvv_access dvv_access;

struct dvv_block {
    uintptr_t data;
    uint64_t size;
    uint32_t space;
    bool opaque, imported;
    const dvv_device *device; /* null: the host's own allocator */
    dvv_access *accesses;     /* by work that may not be done (validate_order.c) */
    uint32_t n_accesses, room_accesses;
};

/* New memory: false, with what is wrong with it in `text`, which is empty where only the table of blocks
 * has no memory. */
bool dvv_block_add(dvv_layer *layer, const dvv_block *block, char *text, size_t size);
/* The live block that holds an address (an opaque one: that is the handle); null when none does. With
 * layer->lock held. */
dvv_block *dvv_block_at(dvv_layer *layer, uintptr_t data, bool exact);
/* Memory goes back; false, with a text, when it is not live or its size is another. */
bool dvv_block_remove(dvv_layer *layer, const dvv_device *device, uintptr_t data, uint64_t size,
                      bool imported, char *text, size_t room);
/* How much a device has left behind; its blocks are forgotten. */
uint64_t dvv_blocks_end(dvv_layer *layer, const dvv_device *device, uint64_t *bytes);

/* ---- the plugin's calls back (validate_host.c) ---------------------------------------------------- */

/* Findings for host memory that the plugin still holds when it should hold none. */
void dvv_check_loans(dvv_frame *frame);
/* Blocks that run or execute took and nobody gave back, and the op of one of them. */
uint64_t dvv_loans_of_calls(dvv_layer *layer, uint64_t *bytes, char *op, size_t room);

/* ---- the slots, by file ------------------------------------------------------------------------ */

void dvv_wrap_device(dvv_layer *layer, dvt_device_api *api);   /* validate_device.c */
void dvv_wrap_transfer(dvv_layer *layer, dvt_device_api *api); /* validate_transfer.c */
void dvv_wrap_streams(dvv_layer *layer, dvt_device_api *api);  /* validate_stream.c */
void dvv_wrap_graph(dvv_layer *layer, dvt_graph_api *api);     /* validate_graph.c */
void dvv_wrap_host(dvv_layer *layer);                          /* validate_host.c */
dvt_status dvv_prepare_row(dvf_plugin *plugin, uint32_t row, const dvt_op *op,
                           dvt_kernel_info *info, dvf_destroy_fn *destroy, dvt_error *error);

#endif /* DVF_VALIDATE_H */
