/* dovetail.h: the Dovetail device ABI, version 1.0 (release candidate).
 *
 * The whole contract between a host (the Dovetail core, or any other program) and a device plugin.
 * One file, plain C99 (also C++11), no dependency but <stdint.h>. Copy it freely (Apache-2.0).
 *
 * A plugin is a shared library that exports ONE symbol, dvt_plugin_query, and links nothing of the
 * host. It returns a static dvt_plugin that says what it offers. The ladder:
 *
 *   L0  kernels   an array of dvt_kernel_def rows: one op on host memory is a whole plugin
 *   L1  device    dvt_device_api: memory spaces, copies, streams, events; every slot optional
 *   L2  graphs    dvt_graph_api: claim, compile and execute groups of nodes
 *   L3  extras    extensions found by string name: collectives, profiler, capture, custom types
 *
 * Rules that hold everywhere (RFC 0002 gives the reasons):
 *
 *  - Growth. Every struct begins with `uint32_t struct_size; uint32_t flags` and only ever grows at
 *    its end within major 1. Whoever fills a struct sets struct_size = sizeof(it); whoever reads it
 *    reads no further. Exceptions, frozen for the major: dvt_dtype, dvt_place, dvt_tensor, dvt_attr
 *    (never grow) and dvt_kernel_def (its stride is published in dvt_plugin). Zero means "default".
 *  - Null slots. A null function pointer means "not provided"; "If null:" states what the host does
 *    instead. No slot becomes mandatory within the major.
 *  - Parameters. Beyond (handle, out, error) a slot takes one sized descriptor, so it can grow.
 *  - Ownership. "Owner:" names who frees. Whoever creates, destroys, through the paired slot of the
 *    same table. Strings and arrays a plugin returns live as long as the object they came from;
 *    strings and arrays passed INTO a call are valid during that call only, unless stated.
 *  - Threads. "Thread:" is one of
 *        any         may be called from any thread at any time (the default)
 *        per-object  the host never makes two calls with the same handle at once
 *        hot         any, and must not allocate, lock or block: it is on the op path
 *        may-block   any, and may wait for the device
 *    A plugin assumes nothing about the Python interpreter lock and never needs it. It starts no
 *    thread before device open, and leaves signals, locale, rounding and denormal mode as they are.
 *  - Errors. Functions that can fail return dvt_status and take a dvt_error, never null, owned by the
 *    caller. DVT_UNSUPPORTED is an answer, not an error: give a static `reason`, format nothing.
 *  - Asynchrony. A call that enqueues returns once enqueued. A later failure is sticky on its stream
 *    and is delivered, with text and the call's tag, by the next sync of that stream, which clears it;
 *    events behind it tell it, too. Host memory that a copy reads or writes stays until the stream has
 *    passed the copy.
 *  - Exceptions, panics and longjmp never cross this border. Function types use the platform's
 *    default C calling convention (__cdecl on 32-bit Windows).
 */
#ifndef DOVETAIL_H
#define DOVETAIL_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#if defined(_WIN32)
#define DVT_EXPORT __declspec(dllexport)
#elif defined(__GNUC__)
#define DVT_EXPORT __attribute__((visibility("default")))
#else
#define DVT_EXPORT
#endif

/* Between the two markers stand plain declarations only: cffi's cdef() reads them as they are. */
/* <cdef> */

/* ---- versions --------------------------------------------------------------------------------
 * A version is one integer, major * 65536 + minor. */

#define DVT_ABI_MAJOR 1
#define DVT_ABI_MINOR 0
#define DVT_ABI_VERSION 65536 /* this header: 1.0 */

/* ---- status and error ------------------------------------------------------------------------ */

typedef int32_t dvt_status; /* 0 ok; positive: an answer that is not an error; negative: an error */

#define DVT_OK 0
#define DVT_UNSUPPORTED 1       /* not offered: the host looks elsewhere; no text is formatted */
#define DVT_PENDING 2           /* not finished yet */
#define DVT_INVALID_ARGUMENT -1 /* the caller broke the contract or the op's rule */
#define DVT_OUT_OF_MEMORY -2    /* the host trims its caches and retries once */
#define DVT_INTERNAL -3         /* a fault inside the plugin */
#define DVT_DEVICE_LOST -4      /* the device is gone: every handle of it is dead */
#define DVT_CANCELLED -5        /* skipped because work before it on the stream failed */
#define DVT_INCOMPATIBLE -6     /* versions or saved data do not fit this plugin, driver or chip */
#define DVT_TIMEOUT -7          /* the given time ran out; the work goes on */
#define DVT_IO -8               /* reading or writing failed */

/* The caller's buffer for an error. A caller may pass a shorter one: struct_size governs, and the
 * message is cut at a UTF-8 character so that it always ends in NUL within struct_size bytes. */
typedef struct dvt_error {
    uint32_t struct_size; /* set by the caller before the call */
    uint32_t flags;       /* none defined */
    int32_t code;         /* a dvt_status; written by the callee on failure */
    uint32_t reserved;    /* zero */
    int64_t native_code;  /* the driver's own code, 0 if none */
    uint64_t tag;         /* dvt_call.tag of the call that failed, 0 if unknown */
    char message[480];    /* UTF-8: what went wrong, with which values, what to do next */
} dvt_error;

/* ---- extension chain ------------------------------------------------------------------------- */

/* dvt_ext.flags: unknown to the plugin, the HOST answers UNSUPPORTED for it. */
#define DVT_EXT_MUST_UNDERSTAND 65536

/* One link of a per-call chain. The host passes only links whose name the plugin lists in
 * dvt_plugin.extensions, so a plugin that lists none never sees a chain. Names: "dvt." is ours,
 * "com.vendor." a vendor's, "x-" a trial without promise. The struct named by `name` begins with
 * these members. */
typedef struct dvt_ext {
    uint32_t struct_size;       /* size of the whole extension struct */
    uint32_t flags;             /* DVT_EXT_MUST_UNDERSTAND */
    const char *name;           /* identifies the struct that begins here */
    const struct dvt_ext *next; /* next link, or null */
} dvt_ext;

/* ---- tensors: DLPack's layout under our own names (RFC 0002, Q25) ----------------------------- */

#define DVT_INT 0 /* dvt_dtype.code, equal to DLPack's DLDataTypeCode */
#define DVT_UINT 1
#define DVT_FLOAT 2
#define DVT_OPAQUE_HANDLE 3
#define DVT_BFLOAT 4
#define DVT_COMPLEX 5
#define DVT_BOOL 6
#define DVT_FLOAT8_E3M4 7
#define DVT_FLOAT8_E4M3 8
#define DVT_FLOAT8_E4M3B11FNUZ 9
#define DVT_FLOAT8_E4M3FN 10
#define DVT_FLOAT8_E4M3FNUZ 11
#define DVT_FLOAT8_E5M2 12
#define DVT_FLOAT8_E5M2FNUZ 13
#define DVT_FLOAT8_E8M0FNU 14
#define DVT_FLOAT6_E2M3FN 15
#define DVT_FLOAT6_E3M2FN 16
#define DVT_FLOAT4_E2M1FN 17

/* Element type. Types below 8 bits are always packed, low bits first, contiguous:
 * n elements take ceil(n * bits * lanes / 8) bytes. An unknown type is UNSUPPORTED, not an error. */
typedef struct dvt_dtype {
    uint8_t code;   /* DVT_INT, ... */
    uint8_t bits;   /* of one lane */
    uint16_t lanes; /* 1 */
} dvt_dtype;

#define DVT_PLACE_CPU 1 /* dvt_place.type, equal to DLPack's DLDeviceType */
#define DVT_PLACE_CUDA 2
#define DVT_PLACE_CUDA_HOST 3
#define DVT_PLACE_OPENCL 4
#define DVT_PLACE_VULKAN 7
#define DVT_PLACE_METAL 8
#define DVT_PLACE_ROCM 10
#define DVT_PLACE_ROCM_HOST 11
#define DVT_PLACE_EXTENSION 12 /* no DLPack code: the device's name is its identity */
#define DVT_PLACE_CUDA_MANAGED 13
#define DVT_PLACE_ONEAPI 14

/* Where data lies, in DLPack's numbers. */
typedef struct dvt_place {
    int32_t type; /* DVT_PLACE_... */
    int32_t id;   /* ordinal within the type */
} dvt_place;

/* A view of memory somebody else owns. Frozen for the major; same layout as DLPack's DLTensor.
 * strides are in elements and never null when ndim > 0. data may be an opaque handle. */
typedef struct dvt_tensor {
    void *data;           /* start of the allocation, or a handle; null in specs and when empty */
    dvt_place place;      /* where it lies */
    int32_t ndim;         /* number of axes, 0..64 */
    dvt_dtype dtype;      /* element type */
    int64_t *shape;       /* ndim extents; a negative extent -(k+1) is symbol k of dvt_graph */
    int64_t *strides;     /* ndim strides in elements; 0 for broadcast axes */
    uint64_t byte_offset; /* from data to the first element */
} dvt_tensor;

/* ---- handles: opaque, distinct, created and destroyed through paired slots -------------------- */

typedef struct dvt_device dvt_device;
typedef struct dvt_stream dvt_stream;
typedef struct dvt_event dvt_event;
typedef struct dvt_kernel dvt_kernel;
typedef struct dvt_executable dvt_executable;
typedef struct dvt_host dvt_host;
typedef struct dvt_graph dvt_graph;

/* ---- attributes ------------------------------------------------------------------------------ */

#define DVT_ATTR_INT64 1   /* values: const int64_t[count] */
#define DVT_ATTR_FLOAT64 2 /* values: const double[count] */
#define DVT_ATTR_STRING 3  /* values: const char *const[count], UTF-8 */
#define DVT_ATTR_DTYPE 4   /* values: const dvt_dtype[count] */
#define DVT_ATTR_BYTES 5   /* values: const uint8_t[count] */
#define DVT_ATTR_TENSOR 6  /* values: const dvt_tensor *const[count], host memory */
#define DVT_ATTR_GRAPH 7   /* values: const dvt_graph *const[count]: bodies of cond, while, scan */

/* One typed attribute. Frozen for the major. Booleans are int64 0 or 1. An attribute that is absent
 * has the value "none" (an axis of null, say); an empty list is present with count 0. */
typedef struct dvt_attr {
    const char *name;   /* as in the op's signature */
    const void *values; /* count values of the kind */
    uint64_t count;     /* 1 for a scalar */
    uint32_t kind;      /* DVT_ATTR_... */
    uint32_t is_list;   /* 1: a list of count values; 0: one scalar */
} dvt_attr;

/* ---- one op: what prepare sees ---------------------------------------------------------------- */

/* Low 16 bits may be ignored when unknown; high 16 may not (the host never sets one younger than
 * the plugin's abi_version). The answer's flags say what was used. */
#define DVT_MATH_ALLOW_TF32 1                 /* float32 products may round inputs to tf32 */
#define DVT_MATH_ALLOW_REDUCED_ACCUMULATION 2 /* 16-bit products may accumulate in 16 bits */
#define DVT_MATH_DETERMINISTIC 65536 /* same inputs, same bits, whatever the thread count */

/* An op applied to specs: shapes, types and strides without data. Layout rule: unless the kernel row
 * sets DVT_KERNEL_STRIDED, every operand is contiguous (row-major) and data + byte_offset is aligned
 * to its element; shapes are already broadcast and types already promoted as the op's record says. */
typedef struct dvt_op {
    uint32_t struct_size;             /* sizeof(dvt_op) */
    uint32_t flags;                   /* DVT_MATH_... */
    const char *name;                 /* e.g. "matmul" */
    uint32_t version;                 /* of the op's meaning; within [min_version, max_version] */
    uint32_t n_inputs;                /* operands */
    uint32_t n_outputs;               /* results */
    uint32_t n_attrs;                 /* attributes */
    const dvt_tensor *const *inputs;  /* specs: data is null (or valid for constant inputs) */
    const dvt_tensor *const *outputs; /* specs: data is null */
    const dvt_attr *attrs;            /* n_attrs attributes */
    dvt_device *device;               /* the device, null at L0 without a device table */
    const dvt_host *host;             /* the host that asks; keep no global copy */
    const dvt_ext *ext;               /* known extensions only */
} dvt_op;

/* ---- one call: what run sees ------------------------------------------------------------------ */

typedef struct dvt_call {
    uint32_t struct_size;            /* sizeof(dvt_call) */
    uint32_t flags;                  /* as dvt_op.flags */
    const dvt_host *host;            /* services: parallel_for, log */
    dvt_device *device;              /* null at L0 without a device table */
    dvt_stream *stream;              /* null: run synchronously */
    dvt_kernel *kernel;              /* dvt_kernel_info.kernel of prepare, else null */
    const dvt_tensor *const *inputs; /* n_inputs views; a host_inputs one is readable on the host */
    const dvt_tensor *const *outputs; /* n_outputs views to be written completely */
    const dvt_attr *attrs;            /* the attributes prepare saw */
    void *workspace;                  /* workspace_size bytes on the device, contents undefined */
    uint64_t workspace_size;          /* what dvt_kernel_info asked for */
    uint64_t tag;                     /* the host's mark; comes back in dvt_error.tag */
    uint32_t n_inputs;                /* operands */
    uint32_t n_outputs;               /* results */
    uint32_t n_attrs;                 /* attributes */
    uint32_t reserved;                /* zero */
    const dvt_ext *ext;               /* known extensions only */
} dvt_call;

/* Compute. Outputs alias no input unless may_alias allowed it. Results are trimmed by the host for
 * ops with data-dependent extents (the last output is then the int64 extents). */
typedef dvt_status (*dvt_run_fn)(const dvt_call *call, dvt_error *error);

/* ---- L0: kernels ------------------------------------------------------------------------------ */

#define DVT_INFO_DETERMINISTIC 1 /* same bits for the same inputs, whatever the thread count */
#define DVT_INFO_CAPTURABLE 2    /* run may be recorded by a capture extension */
#define DVT_INFO_USED_TF32 4     /* the answer to DVT_MATH_ALLOW_TF32 */
#define DVT_INFO_USED_REDUCED_ACCUMULATION 8

/* prepare's answer. The host zeroes it and sets struct_size; the plugin fills what it knows. */
typedef struct dvt_kernel_info {
    uint32_t struct_size; /* sizeof(dvt_kernel_info) */
    uint32_t flags;       /* DVT_INFO_... */
    /* What computes. Owner: plugin, static. Thread: hot. If null: the row's run. */
    dvt_run_fn run;
    dvt_kernel *kernel;           /* Owner: plugin; freed by the row's destroy. */
    uint64_t workspace_size;      /* bytes the host hands to each run */
    uint64_t workspace_alignment; /* power of two, 0 = 64 */
    uint64_t cost_ns;             /* estimated time of one run, 0 = unknown */
    uint64_t may_alias;           /* bit 8*o + i: output o < 8 may share storage with input i < 8 */
    const char *reason;           /* static text beside UNSUPPORTED, or null */
} dvt_kernel_info;

typedef dvt_status (*dvt_prepare_fn)(const dvt_op *op, dvt_kernel_info *info, dvt_error *error);

#define DVT_KERNEL_STRIDED 1   /* takes any strides, stride 0 and negative ones included */
#define DVT_KERNEL_UNALIGNED 2 /* needs no alignment to the element */
#define DVT_KERNEL_EMPTY 4     /* wants calls whose outputs are all empty too (host skips them) */
#define DVT_KERNEL_ON_HOST 8   /* runs on host memory although the plugin has a device table */

/* One row of capability: data, readable without opening a device. Its stride is published in
 * dvt_plugin.kernel_def_size. `types` names the allowed types of the op's type variables, e.g.
 * "T=f32|bf16;I=i32|i64" (bool i8..i64 u8..u64 f16 bf16 f32 f64 c64 c128 i4 u4 f8_...); a variable
 * that is not named takes any type; null = any types, prepare decides. Rows of the same op are asked
 * in order of priority, highest first, then in order of appearance. */
typedef struct dvt_kernel_def {
    const char *op;       /* Owner: plugin, static. */
    const char *types;    /* Owner: plugin, static; or null */
    uint32_t min_version; /* of the op's meaning */
    uint32_t max_version; /* of the op's meaning */
    uint32_t flags;       /* DVT_KERNEL_... */
    int32_t priority;     /* 0 */
    uint64_t host_inputs; /* bit i: input i must be readable on the host (sizes, bounds) */
    /* What computes. Owner: plugin, static. Thread: hot. If null: prepare gives it. */
    dvt_run_fn run;
    /* Choose a kernel for these specs, or decline. Thread: any. Owner: see destroy. If null: run as
     * it is, no workspace. */
    dvt_prepare_fn prepare;
    /* Free dvt_kernel_info.kernel. Thread: any. Owner: ends. If null: nothing to free. */
    void (*destroy)(dvt_kernel *kernel);
} dvt_kernel_def;

/* ---- L1: devices ------------------------------------------------------------------------------ */

#define DVT_SPACE_DEVICE 1 /* dvt_memory_space.kind */
#define DVT_SPACE_HOST 2
#define DVT_SPACE_PINNED 3
#define DVT_SPACE_MANAGED 4

#define DVT_SPACE_HOST_VISIBLE 1 /* dvt_memory_space.flags: a host pointer works */
#define DVT_SPACE_COHERENT 2     /* no map or unmap needed around host access */
#define DVT_SPACE_POOLED 4       /* the plugin caches itself: the host keeps no cache */
#define DVT_SPACE_OPAQUE 8       /* data is a handle, not an address: no pointer arithmetic */

/* Space 0 of a device is where its arrays live. */
typedef struct dvt_memory_space {
    uint32_t struct_size; /* sizeof(dvt_memory_space) */
    uint32_t flags;       /* DVT_SPACE_HOST_VISIBLE, ... */
    uint32_t kind;        /* DVT_SPACE_DEVICE, ... */
    uint32_t alignment;   /* of alloc, a power of two; 0 = 64 */
    dvt_place place;      /* what tensors in it carry */
    const char *name;     /* "hbm", "host", "sram", ... */
    uint64_t capacity;    /* bytes, 0 = unknown */
} dvt_memory_space;

#define DVT_SHAPES_STATIC 0 /* dvt_device_info.shapes */
#define DVT_SHAPES_BOUNDED 1
#define DVT_SHAPES_SYMBOLIC 2

typedef struct dvt_device_info {
    uint32_t struct_size;                  /* sizeof(dvt_device_info), set by the host */
    uint32_t flags;                        /* none defined */
    const char *name;                      /* the chip, e.g. "Ryzen 9" */
    const char *vendor;                    /* who made it */
    const char *architecture;              /* e.g. "x86-64-v3", "sm_90a" */
    const char *driver;                    /* version text, or null */
    const char *compatibility_key;         /* saved executables load only where this is equal */
    const dvt_memory_space *const *spaces; /* n_spaces pointers; null: one host space */
    const dvt_attr *properties;            /* n_properties free facts for people */
    uint32_t n_spaces;                     /* number of spaces */
    uint32_t n_properties;                 /* number of properties */
    uint32_t shapes;                       /* DVT_SHAPES_...: what graphs may hold */
    uint32_t reserved;                     /* zero */
} dvt_device_info;

typedef struct dvt_device_desc {
    uint32_t struct_size;    /* sizeof(dvt_device_desc) */
    uint32_t flags;          /* none defined */
    uint32_t ordinal;        /* 0 .. device_count - 1 */
    uint32_t n_options;      /* number of options */
    const dvt_attr *options; /* the user's options; unknown ones are INVALID_ARGUMENT */
    const dvt_host *host;    /* valid until the device is closed */
    const dvt_ext *ext;      /* known extensions only */
} dvt_device_desc;

typedef struct dvt_alloc_desc {
    uint32_t struct_size; /* sizeof(dvt_alloc_desc) */
    uint32_t flags;       /* none defined */
    uint32_t space;       /* index into dvt_device_info.spaces */
    uint32_t reserved;    /* zero */
    uint64_t size;        /* bytes, > 0 */
    uint64_t alignment;   /* power of two, 0 = the space's */
    dvt_stream *stream;   /* usable on this stream at once, elsewhere after an event */
    void *data;           /* release, unimport: what to give back; import: foreign memory */
    dvt_place place;      /* import: where the foreign memory lies */
    const dvt_ext *ext;   /* known extensions only */
} dvt_alloc_desc;

/* The one copy: any two views of equal shape and type, any strides, both ends named. Devices named
 * here are this plugin's own. Memory of another plugin comes as host memory where the host can read
 * it, else through import_memory (then it counts as this device's), else in two copies through the
 * host. */
typedef struct dvt_copy {
    uint32_t struct_size;           /* sizeof(dvt_copy) */
    uint32_t flags;                 /* none defined */
    const dvt_tensor *source;       /* read */
    const dvt_tensor *destination;  /* written; overlaps nothing of source */
    dvt_device *source_device;      /* null: host memory */
    dvt_device *destination_device; /* null: host memory */
    dvt_stream *stream;             /* null: done on return */
    uint64_t tag;                   /* comes back in dvt_error.tag */
    const dvt_ext *ext;             /* known extensions only */
} dvt_copy;

typedef struct dvt_fill {
    uint32_t struct_size;          /* sizeof(dvt_fill) */
    uint32_t flags;                /* none defined */
    const dvt_tensor *destination; /* written */
    const void *pattern;           /* one element of destination's type */
    dvt_stream *stream;            /* null: done on return */
    uint64_t tag;                  /* comes back in dvt_error.tag */
    const dvt_ext *ext;            /* known extensions only */
} dvt_fill;

typedef struct dvt_map_desc {
    uint32_t struct_size; /* sizeof(dvt_map_desc) */
    uint32_t flags;       /* DVT_MAP_READ | DVT_MAP_WRITE */
    void *data;           /* memory of a host-visible, non-coherent space */
    uint64_t offset;      /* first byte */
    uint64_t size;        /* bytes */
    const dvt_ext *ext;   /* known extensions only */
} dvt_map_desc;

#define DVT_MAP_READ 1
#define DVT_MAP_WRITE 2

typedef struct dvt_stream_desc {
    uint32_t struct_size; /* sizeof(dvt_stream_desc) */
    uint32_t flags;       /* none defined */
    int32_t priority;     /* 0 = normal, higher = sooner */
    uint32_t reserved;    /* zero */
    uint64_t native;      /* wrap: the user's own stream as an integer */
    const dvt_ext *ext;   /* known extensions only */
} dvt_stream_desc;

/* The device table. device_open and device_info are mandatory where the table exists; alloc, release
 * and copy where space 0 is not host-visible. Everything else may be null. */
typedef struct dvt_device_api {
    uint32_t struct_size; /* sizeof(dvt_device_api) */
    uint32_t flags;       /* none defined */
    /* How many devices are usable now; 0 with text in error: none, because ...
     * Thread: any. Owner: nothing. If null: one device. */
    dvt_status (*device_count)(const dvt_host *host, uint32_t *count, dvt_error *error);
    /* Open a device. Thread: any. Owner: caller, device_close. If null: not allowed. */
    dvt_status (*device_open)(const dvt_device_desc *desc, dvt_device **device, dvt_error *error);
    /* Close; no call with this device follows. Thread: per-object. Owner: ends. If null: never
     * closed. */
    void (*device_close)(dvt_device *device);
    /* Describe. Thread: any. Owner: device. If null: not allowed. */
    dvt_status (*device_info)(dvt_device *device, dvt_device_info *info, dvt_error *error);
    /* Free and total bytes of a space. Thread: any. Owner: nothing. If null: unknown. */
    dvt_status (*device_memory)(dvt_device *device, uint32_t space, uint64_t *free_bytes,
                                uint64_t *total_bytes, dvt_error *error);
    /* Wait for all work of all streams. Thread: may-block. Owner: nothing. If null: stream_sync of
     * every stream. */
    dvt_status (*device_sync)(dvt_device *device, dvt_error *error);
    /* In the child after fork: drop what the parent opened, without touching the driver.
     * Thread: per-object. Owner: nothing. If null: the device is dead in the child. */
    void (*after_fork_child)(dvt_device *device);

    /* Stream-ordered allocation. Thread: any. Owner: caller, release. If null: the host's
     * allocator. */
    dvt_status (*alloc)(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error);
    /* Give memory back: desc.data, desc.size, desc.space; work already on desc.stream may still use
     * it. Thread: any. Owner: ends. If null: the host's allocator. */
    void (*release)(dvt_device *device, const dvt_alloc_desc *desc);
    /* Make foreign memory (desc.data at desc.place) usable without a copy. Thread: any. Owner:
     * caller, unimport. If null: the host copies. */
    dvt_status (*import_memory)(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                                dvt_error *error);
    /* End an import; stream-ordered. Thread: any. Owner: ends. If null: nothing to do. */
    void (*unimport_memory)(dvt_device *device, const dvt_alloc_desc *desc);
    /* Host pointer to non-coherent memory. Thread: may-block. Owner: caller, unmap. If null: the
     * host copies. */
    dvt_status (*map)(dvt_device *device, const dvt_map_desc *desc, void **host_data,
                      dvt_error *error);
    /* End a map; writes become visible to the device. Thread: may-block. Owner: ends. If null: see
     * map. */
    dvt_status (*unmap)(dvt_device *device, const dvt_map_desc *desc, dvt_error *error);
    /* Copy between any two places of which one is this plugin's. Thread: any. Owner: nothing. If
     * null: memcpy where both ends are host-visible. */
    dvt_status (*copy)(dvt_device *device, const dvt_copy *copy, dvt_error *error);
    /* Fill with one element. Thread: any. Owner: nothing. If null: host buffer, then copy. */
    dvt_status (*fill)(dvt_device *device, const dvt_fill *fill, dvt_error *error);

    /* New stream. Thread: any. Owner: caller, stream_destroy. If null: all work is synchronous. */
    dvt_status (*stream_create)(dvt_device *device, const dvt_stream_desc *desc,
                                dvt_stream **stream, dvt_error *error);
    /* Use the user's stream (desc.native). Thread: any. Owner: caller, stream_destroy, which leaves
     * the native one alone. If null: user streams are refused with a sentence. */
    dvt_status (*stream_wrap)(dvt_device *device, const dvt_stream_desc *desc, dvt_stream **stream,
                              dvt_error *error);
    /* The native stream as an integer, for interchange. Thread: any. Owner: stream. If null: no
     * interchange. */
    dvt_status (*stream_native)(dvt_stream *stream, uint64_t *native, dvt_error *error);
    /* Destroy after its work ends. Thread: per-object. Owner: ends. If null: streams live with the
     * device. */
    void (*stream_destroy)(dvt_stream *stream);
    /* Wait; deliver a sticky error with text and tag, and clear it. Thread: may-block. Owner:
     * nothing. If null: work is synchronous. */
    dvt_status (*stream_sync)(dvt_stream *stream, dvt_error *error);
    /* Later work of stream waits for event. Thread: any. Owner: nothing. If null: event_sync. */
    dvt_status (*stream_wait)(dvt_stream *stream, dvt_event *event, dvt_error *error);

    /* New event. Thread: any. Owner: caller, event_destroy. If null: the host uses stream_sync. */
    dvt_status (*event_create)(dvt_device *device, dvt_event **event, dvt_error *error);
    /* Mark the present end of the stream. Thread: per-object. Owner: nothing. If null: see
     * event_create. */
    dvt_status (*event_record)(dvt_event *event, dvt_stream *stream, dvt_error *error);
    /* DVT_OK when passed, DVT_PENDING before. Thread: hot. Owner: nothing. If null: event_sync. */
    dvt_status (*event_query)(dvt_event *event, dvt_error *error);
    /* Wait at most timeout_ns (UINT64_MAX: for ever). Thread: may-block. Owner: nothing. If null:
     * see event_create. */
    dvt_status (*event_sync)(dvt_event *event, uint64_t timeout_ns, dvt_error *error);
    /* Time between two passed events. Thread: any. Owner: nothing. If null: no device timing. */
    dvt_status (*event_elapsed)(dvt_event *start, dvt_event *end, double *ns, dvt_error *error);
    /* Destroy. Thread: per-object. Owner: ends. If null: events live with the device. */
    void (*event_destroy)(dvt_event *event);
} dvt_device_api;

/* ---- L2: graphs ------------------------------------------------------------------------------- */

/* A derived, read-only view of quantisation; the quantize and dequantize nodes are the truth. */
typedef struct dvt_quant {
    uint32_t struct_size;         /* sizeof(dvt_quant) */
    uint32_t flags;               /* none defined */
    const dvt_tensor *scale;      /* float32, one value or one per channel */
    const dvt_tensor *zero_point; /* integer of the storage type, or null for zero */
    int32_t axis;                 /* channel axis, -1 = per tensor */
    uint32_t reserved;            /* zero */
} dvt_quant;

#define DVT_VALUE_CONSTANT 1 /* dvt_value.flags: spec.data is valid until executable destroy */

/* One SSA value. */
typedef struct dvt_value {
    uint32_t struct_size;   /* sizeof(dvt_value) */
    uint32_t flags;         /* DVT_VALUE_CONSTANT */
    const char *name;       /* for people; may be null */
    const dvt_quant *quant; /* null: not quantised */
    dvt_tensor spec;        /* type and shape; data only for constants */
} dvt_value;

/* One op application. */
typedef struct dvt_node {
    uint32_t struct_size;    /* sizeof(dvt_node) */
    uint32_t flags;          /* DVT_MATH_... */
    const char *op;          /* op name */
    const char *name;        /* for profilers; may be null */
    const char *location;    /* "file.py:12 in f", where the user wrote it; may be null */
    const uint32_t *inputs;  /* n_inputs value indices */
    const uint32_t *outputs; /* n_outputs value indices */
    const dvt_attr *attrs;   /* n_attrs attributes */
    uint32_t version;        /* of the op's meaning */
    uint32_t n_inputs;       /* operands */
    uint32_t n_outputs;      /* results */
    uint32_t n_attrs;        /* attributes */
} dvt_node;

/* A dimension known only at run time; -(k+1) in a shape refers to symbol k. */
typedef struct dvt_symbol {
    uint32_t struct_size; /* sizeof(dvt_symbol) */
    uint32_t flags;       /* none defined */
    const char *name;     /* e.g. "batch" */
    int64_t min;          /* smallest extent */
    int64_t typical;      /* to tune for */
    int64_t max;          /* largest extent, -1 = unbounded */
    int64_t multiple_of;  /* 1 = any */
} dvt_symbol;

#define DVT_ALIAS_MUST 1 /* dvt_alias.flags: an update in place; else: the output may reuse it */

/* An output that may (donated argument) or must (update) share storage with an input. */
typedef struct dvt_alias {
    uint32_t struct_size; /* sizeof(dvt_alias) */
    uint32_t flags;       /* DVT_ALIAS_MUST */
    uint32_t input;       /* position in dvt_graph.inputs */
    uint32_t output;      /* position in dvt_graph.outputs */
} dvt_alias;

/* Flat, typed, read-only; nodes are in an order that respects dependence. */
struct dvt_graph {
    uint32_t struct_size;             /* sizeof(dvt_graph) */
    uint32_t flags;                   /* none defined */
    const char *name;                 /* for people; may be null */
    const dvt_node *const *nodes;     /* n_nodes pointers */
    const dvt_value *const *values;   /* n_values pointers */
    const uint32_t *inputs;           /* n_inputs value indices */
    const uint32_t *outputs;          /* n_outputs value indices */
    const dvt_symbol *const *symbols; /* n_symbols pointers; none for static devices */
    const dvt_alias *const *aliases;  /* n_aliases pointers */
    uint32_t n_nodes;                 /* number of nodes */
    uint32_t n_values;                /* number of values */
    uint32_t n_inputs;                /* number of inputs */
    uint32_t n_outputs;               /* number of outputs */
    uint32_t n_symbols;               /* number of symbols */
    uint32_t n_aliases;               /* number of aliases */
    const dvt_ext *ext;               /* known extensions only */
};

/* What partition and compile are asked. Both get the same options, since a claim depends on them. */
typedef struct dvt_compile_desc {
    uint32_t struct_size;       /* sizeof(dvt_compile_desc) */
    uint32_t flags;             /* DVT_MATH_... for the whole graph */
    const dvt_graph *graph;     /* for compile: one group, valid until destroy of the executable */
    dvt_device *const *devices; /* n_devices devices: 1 in 1.x */
    const dvt_attr *options;    /* typed, named options */
    const dvt_host *host;       /* valid until the executable is destroyed */
    uint32_t n_devices;         /* 1 */
    uint32_t n_options;         /* number of options */
    const dvt_ext *ext;         /* known extensions only */
} dvt_compile_desc;

/* partition's answer for each node. group 0: not wanted; equal numbers: one executable. Groups must
 * be convex; the host splits those that are not. reason: static text for group 0, or null. */
typedef struct dvt_claim {
    uint32_t struct_size; /* sizeof(dvt_claim), set by the host */
    uint32_t flags;       /* none defined */
    uint32_t group;       /* written by the plugin */
    uint32_t reserved;    /* zero */
    const char *reason;   /* written by the plugin */
} dvt_claim;

#define DVT_EXECUTABLE_CONCURRENT 1       /* may execute on several streams at once */
#define DVT_EXECUTABLE_CONSTANTS_COPIED 2 /* the host may drop the graph's constants */

/* compile's answer. */
typedef struct dvt_executable_info {
    uint32_t struct_size;         /* sizeof(dvt_executable_info), set by the host */
    uint32_t flags;               /* DVT_EXECUTABLE_... */
    uint64_t workspace_size;      /* bytes the host hands to each execute */
    uint64_t workspace_alignment; /* power of two, 0 = 64 */
    uint64_t cost_ns;             /* estimated time of one run, 0 = unknown */
    uint64_t may_alias;           /* as dvt_kernel_info.may_alias, for graph outputs and inputs */
    const char *description; /* for explain(): a line, and below it the code that it wrote, if it
                                   * likes to show it. Owner: executable; may be null */
} dvt_executable_info;

/* Receives saved bytes in order. Thread: the caller's. Returns DVT_OK or an error. */
typedef dvt_status (*dvt_write_fn)(void *context, const void *bytes, uint64_t size);

typedef struct dvt_blob {
    uint32_t struct_size; /* sizeof(dvt_blob) */
    uint32_t flags;       /* none defined */
    const void *bytes;    /* load: what save wrote; valid during the call */
    uint64_t size;        /* of bytes */
    dvt_write_fn write;   /* save: called with pieces. Thread: any. Owner: host. If null: load. */
    void *context;        /* first argument of write */
    dvt_device *device;   /* load: where it will run */
    const dvt_host *host; /* valid until the executable is destroyed */
    const dvt_ext *ext;   /* known extensions only */
} dvt_blob;

/* The graph table. compile, execute and destroy are mandatory where the table exists. */
typedef struct dvt_graph_api {
    uint32_t struct_size; /* sizeof(dvt_graph_api) */
    uint32_t flags;       /* none defined */
    /* Which nodes this device wants, in which groups: claims has n_nodes pointers to rows that
     * the host zeroed. Thread: any. Owner: nothing. If null: the host offers the whole graph to
     * compile. */
    dvt_status (*partition)(const dvt_compile_desc *desc, dvt_claim *const *claims,
                            dvt_error *error);
    /* One group becomes an executable. The graph with its constants, which are there already, stays
     * valid and unchanged until destroy. With UNSUPPORTED the error's text is the reason. Thread: may-block. Owner: caller, destroy. If null: not allowed. */
    dvt_status (*compile)(const dvt_compile_desc *desc, dvt_executable **executable,
                          dvt_executable_info *info, dvt_error *error);
    /* Run: call.inputs and call.outputs in the graph's order. Thread: per-object, or hot with
     * DVT_EXECUTABLE_CONCURRENT. Owner: nothing. If null: not allowed. */
    dvt_status (*execute)(dvt_executable *executable, const dvt_call *call, dvt_error *error);
    /* Destroy. Thread: per-object. Owner: ends. If null: not allowed. */
    void (*destroy)(dvt_executable *executable);
    /* Serialise through blob.write. Thread: may-block. Owner: nothing. If null: no cache. */
    dvt_status (*save)(dvt_executable *executable, const dvt_blob *blob, dvt_error *error);
    /* Back from bytes; DVT_INCOMPATIBLE for another driver or chip. Thread: may-block. Owner:
     * caller, destroy. If null: no cache. */
    dvt_status (*load)(const dvt_blob *blob, dvt_executable **executable, dvt_executable_info *info,
                       dvt_error *error);
} dvt_graph_api;

/* ---- the host's services ---------------------------------------------------------------------- */

#define DVT_LOG_DEBUG 0
#define DVT_LOG_INFO 1
#define DVT_LOG_WARNING 2
#define DVT_LOG_ERROR 3

/* Work on items [begin, end); worker is 0 .. n_threads-1 and unique among those running now. */
typedef void (*dvt_range_fn)(void *context, uint64_t begin, uint64_t end, uint32_t worker);

/* What the host offers. Every slot is filled in 1.x. All may be called from any thread, during any
 * call; none takes the interpreter lock. */
struct dvt_host {
    uint32_t struct_size; /* sizeof(dvt_host) */
    uint32_t flags;       /* none defined */
    uint32_t abi_version; /* the host's DVT_ABI_VERSION */
    uint32_t n_threads;   /* how many threads parallel_for uses at most */
    const char *name;     /* "dovetail" */
    const char *version;  /* of the host, for messages */
    void *context;        /* the host's own */
    /* Queue a line of UTF-8 text. Thread: any. Owner: caller keeps text. If null: not allowed. */
    void (*log)(const dvt_host *host, int32_t level, const char *text);
    /* Fill an error with finished text and return code. Thread: any. Owner: caller. If null: not
     * allowed. */
    dvt_status (*fail)(const dvt_host *host, dvt_error *error, dvt_status code, const char *text);
    /* Find a host extension by name; null when unknown. Thread: any. Owner: host. If null: not
     * allowed. */
    const void *(*get_extension)(const dvt_host *host, const char *name);
    /* Split [0, n) into pieces of at least grain items, run them on the host's pool and return when
     * all are done; calls from inside run serially. Thread: any. Owner: nothing. If null: not
     * allowed. */
    void (*parallel_for)(const dvt_host *host, uint64_t n, uint64_t grain, dvt_range_fn fn,
                         void *context);
    /* Host memory, alignment a power of two; null when there is none. Thread: any. Owner: caller,
     * host_free with the same size. If null: not allowed. */
    void *(*host_alloc)(const dvt_host *host, uint64_t size, uint64_t alignment);
    /* Give back what host_alloc gave. Thread: any. Owner: ends. If null: not allowed. */
    void (*host_free)(const dvt_host *host, void *data, uint64_t size);
};

/* ---- L3: extensions --------------------------------------------------------------------------- */

#define DVT_REDUCE_SUM 0
#define DVT_REDUCE_PRODUCT 1
#define DVT_REDUCE_MIN 2
#define DVT_REDUCE_MAX 3
#define DVT_REDUCE_MEAN 4

typedef struct dvt_communicator dvt_communicator;

typedef struct dvt_collective {
    uint32_t struct_size;          /* sizeof(dvt_collective) */
    uint32_t flags;                /* none defined */
    const dvt_tensor *source;      /* contiguous */
    const dvt_tensor *destination; /* contiguous; may be source for all_reduce and broadcast */
    dvt_stream *stream;            /* null: done on return */
    uint32_t reduction;            /* DVT_REDUCE_... */
    uint32_t peer;                 /* root of broadcast; partner of send and receive */
    uint64_t tag;                  /* comes back in dvt_error.tag */
} dvt_collective;

typedef struct dvt_communicator_desc {
    uint32_t struct_size; /* sizeof(dvt_communicator_desc) */
    uint32_t flags;       /* none defined */
    uint32_t rank;        /* of this device, 0 .. size-1 */
    uint32_t size;        /* number of devices */
    const void *id;       /* the bytes unique_id gave on rank 0 */
    uint64_t id_size;     /* number of those bytes */
    dvt_device *device;   /* what takes part */
    const dvt_host *host; /* valid until destroy */
} dvt_communicator_desc;

/* Plugin extension "dvt.collectives". */
typedef struct dvt_collectives_api {
    uint32_t struct_size; /* sizeof(dvt_collectives_api) */
    uint32_t flags;       /* none defined */
    /* Bytes that rank 0 hands to all; *size is in: room, out: used. Thread: any. Owner: caller. If
     * null: communicators within one process only. */
    dvt_status (*unique_id)(const dvt_host *host, void *id, uint64_t *size, dvt_error *error);
    /* Join. Thread: may-block. Owner: caller, destroy. If null: not allowed. */
    dvt_status (*create)(const dvt_communicator_desc *desc, dvt_communicator **communicator,
                         dvt_error *error);
    /* Leave. Thread: per-object. Owner: ends. If null: not allowed. */
    void (*destroy)(dvt_communicator *communicator);
    /* Reduce over all, the result to all. Thread: per-object. Owner: nothing. If null:
     * reduce_scatter, then all_gather. */
    dvt_status (*all_reduce)(dvt_communicator *communicator, const dvt_collective *call,
                             dvt_error *error);
    /* Reduce over all, a part of the result to each. Thread: per-object. Owner: nothing. If null:
     * all_reduce and take a part. */
    dvt_status (*reduce_scatter)(dvt_communicator *communicator, const dvt_collective *call,
                                 dvt_error *error);
    /* The parts of all, in order of rank, to all. Thread: per-object. Owner: nothing. If null:
     * broadcasts. */
    dvt_status (*all_gather)(dvt_communicator *communicator, const dvt_collective *call,
                             dvt_error *error);
    /* From rank peer to all. Thread: per-object. Owner: nothing. If null: send and receive. */
    dvt_status (*broadcast)(dvt_communicator *communicator, const dvt_collective *call,
                            dvt_error *error);
    /* To rank peer. Thread: per-object. Owner: nothing. If null: not offered. */
    dvt_status (*send)(dvt_communicator *communicator, const dvt_collective *call,
                       dvt_error *error);
    /* From rank peer. Thread: per-object. Owner: nothing. If null: not offered. */
    dvt_status (*receive)(dvt_communicator *communicator, const dvt_collective *call,
                          dvt_error *error);
} dvt_collectives_api;

/* One finished span of device work. */
typedef struct dvt_span {
    uint32_t struct_size; /* sizeof(dvt_span) */
    uint32_t flags;       /* none defined */
    const char *name;     /* valid during the callback */
    uint64_t tag;         /* of the call, 0 if unknown */
    double start_ns;      /* since profiler start */
    double duration_ns;   /* of the span */
} dvt_span;

typedef void (*dvt_span_fn)(void *context, const dvt_span *span);

/* Plugin extension "dvt.profiler". */
typedef struct dvt_profiler_api {
    uint32_t struct_size; /* sizeof(dvt_profiler_api) */
    uint32_t flags;       /* none defined */
    /* Begin to record. Thread: per-object. Owner: nothing. If null: not allowed. */
    dvt_status (*start)(dvt_device *device, dvt_error *error);
    /* End, and report every span. Thread: may-block. Owner: nothing. If null: not allowed. */
    dvt_status (*stop)(dvt_device *device, dvt_span_fn span, void *context, dvt_error *error);
} dvt_profiler_api;

typedef struct dvt_capture dvt_capture;

/* Plugin extension "dvt.capture": record what is enqueued on a stream, replay it as one. */
typedef struct dvt_capture_api {
    uint32_t struct_size; /* sizeof(dvt_capture_api) */
    uint32_t flags;       /* none defined */
    /* Record instead of run from here on. Thread: per-object. Owner: nothing. If null: not
     * allowed. */
    dvt_status (*begin)(dvt_stream *stream, dvt_error *error);
    /* The recording since begin. Thread: per-object. Owner: caller, destroy. If null: not
     * allowed. */
    dvt_status (*end)(dvt_stream *stream, dvt_capture **capture, dvt_error *error);
    /* Enqueue a recording as one. Thread: per-object. Owner: nothing. If null: not allowed. */
    dvt_status (*replay)(dvt_capture *capture, dvt_stream *stream, dvt_error *error);
    /* Drop a recording. Thread: per-object. Owner: ends. If null: not allowed. */
    void (*destroy)(dvt_capture *capture);
} dvt_capture_api;

typedef struct dvt_custom_type {
    uint32_t struct_size; /* sizeof(dvt_custom_type) */
    uint32_t flags;       /* none defined */
    const char *name;     /* e.g. "com.acme.block8" */
    dvt_dtype storage;    /* how tensors of it are typed across the border */
    uint32_t block_items; /* elements per block */
    uint32_t block_bytes; /* bytes per block */
    uint32_t reserved;    /* zero */
} dvt_custom_type;

/* Plugin extension "dvt.custom_types": storage types of one vendor. */
typedef struct dvt_custom_types_api {
    uint32_t struct_size;                /* sizeof(dvt_custom_types_api) */
    uint32_t flags;                      /* none defined */
    const dvt_custom_type *const *types; /* n_types pointers; Owner: plugin, static */
    uint32_t n_types;                    /* number of types */
    uint32_t reserved;                   /* zero */
    /* Convert between a custom type and a plain one. Thread: any. Owner: nothing. If null: storage
     * only. */
    dvt_status (*convert)(const dvt_custom_type *type, const dvt_copy *copy, dvt_error *error);
} dvt_custom_types_api;

/* ---- the plugin, and the one exported symbol -------------------------------------------------- */

/* What a plugin offers. Static: the host copies the tables once, min(struct_size, its own size). At
 * least one of kernels, device table, graph table must be there. */
typedef struct dvt_plugin {
    uint32_t struct_size;          /* sizeof(dvt_plugin) */
    uint32_t flags;                /* none defined */
    uint32_t abi_version;          /* DVT_ABI_VERSION it was built with */
    uint32_t abi_required;         /* the least it needs to run, e.g. 65536 for 1.0 */
    const char *name;              /* the device word: "hello" */
    const char *version;           /* the plugin's own version */
    const char *vendor;            /* who made it; may be null */
    const dvt_kernel_def *kernels; /* L0: n_kernels rows; null when there are none */
    uint32_t n_kernels;            /* number of rows */
    uint32_t kernel_def_size;      /* sizeof(dvt_kernel_def): the stride of kernels */
    const dvt_device_api *device;  /* L1. Owner: plugin. If null: one host device, by plugin name */
    const dvt_graph_api *graph;    /* L2. Owner: plugin. If null: kernels run one by one */
    const char *const *extensions; /* names of the per-call extensions it understands */
    uint32_t n_extensions;         /* number of names */
    uint32_t reserved;             /* zero */
    /* L3: a plugin extension table by name, null when unknown. Thread: any. Owner: plugin. If null:
     * none. */
    const void *(*get_extension)(const char *name);
    /* Orderly exit, after every device is closed; the library stays loaded. Thread: per-object.
     * Owner: nothing. If null: nothing to do. */
    void (*shutdown)(void);
} dvt_plugin;

/* </cdef> */

/* The entry point. host_min .. host_max are the ABI versions the host serves. Returns a static
 * dvt_plugin, or null with a message in error. Opens no device, may be called twice, never aborts.
 * The host accepts when the majors agree and abi_required <= host_max; DVT_PLUGIN_CHECK writes the
 * plugin's half of that rule, so that no plugin has to. */
typedef const dvt_plugin *(*dvt_plugin_query_fn)(uint32_t host_min, uint32_t host_max,
                                                 const dvt_host *host, dvt_error *error);

#ifndef DVT_PLUGIN_QUERY /* static builds rename it: -DDVT_PLUGIN_QUERY=acme_dvt_plugin_query */
#define DVT_PLUGIN_QUERY dvt_plugin_query
#endif

DVT_EXPORT const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max,
                                              const dvt_host *host, dvt_error *error);

#ifdef __cplusplus
#define DVT_NULL nullptr
#else
#define DVT_NULL ((void *)0)
#endif

/* First line of a query function: returns null with a sentence when this host is too old for
 * `required` or serves another major. Needs no C library, so it works on a microcontroller. */
#define DVT_PLUGIN_CHECK(host_min, host_max, required, error)                                      \
    do {                                                                                           \
        if ((required) > (host_max) || (host_min) >> 16 > (uint32_t)DVT_ABI_MAJOR ||               \
            (host_max) >> 16 < (uint32_t)DVT_ABI_MAJOR) {                                          \
            dvt_set_error((error), DVT_INCOMPATIBLE,                                               \
                          "this plugin needs a host of another dovetail ABI version");             \
            return DVT_NULL;                                                                       \
        }                                                                                          \
    } while (0)

/* Write finished text into an error of any struct_size, cut at a UTF-8 character; returns code. */
static inline dvt_status dvt_set_error(dvt_error *error, dvt_status code, const char *text) {
    uint32_t head = (uint32_t)(sizeof(dvt_error) - sizeof(error->message));
    uint32_t room = error->struct_size > head ? error->struct_size - head : 0;
    uint32_t n = 0;
    if (room > (uint32_t)sizeof(error->message)) room = (uint32_t)sizeof(error->message);
    error->code = code;
    if (room == 0) return code;
    while (n + 1 < room && text[n] != '\0') {
        error->message[n] = text[n];
        n++;
    }
    if (text[n] != '\0') {
        while (n > 0 && ((unsigned char)text[n] & 0xC0u) == 0x80u) n--;
    }
    error->message[n] = '\0';
    return code;
}

/* First element of a tensor on host memory. */
static inline void *dvt_tensor_data(const dvt_tensor *t) {
    return t->data ? (void *)((char *)t->data + t->byte_offset) : t->data;
}

/* Find an attribute by name; null when absent (the value "none"). */
static inline const dvt_attr *dvt_find_attr(const dvt_attr *attrs, uint32_t n, const char *name) {
    uint32_t i, k;
    for (i = 0; i < n; i++) {
        for (k = 0; name[k] != '\0' && attrs[i].name[k] == name[k]; k++) {
        }
        if (name[k] == attrs[i].name[k]) return &attrs[i];
    }
    return (const dvt_attr *)DVT_NULL;
}

/* A scalar int64 attribute, or `otherwise` when absent. */
static inline int64_t dvt_attr_int(const dvt_attr *attrs, uint32_t n, const char *name,
                                   int64_t otherwise) {
    const dvt_attr *a = dvt_find_attr(attrs, n, name);
    return a && a->kind == DVT_ATTR_INT64 && a->count > 0 ? ((const int64_t *)a->values)[0]
                                                          : otherwise;
}

/* A scalar float64 attribute, or `otherwise` when absent. */
static inline double dvt_attr_float(const dvt_attr *attrs, uint32_t n, const char *name,
                                    double otherwise) {
    const dvt_attr *a = dvt_find_attr(attrs, n, name);
    return a && a->kind == DVT_ATTR_FLOAT64 && a->count > 0 ? ((const double *)a->values)[0]
                                                            : otherwise;
}

#ifdef __cplusplus
}
#endif
#endif /* DOVETAIL_H */
