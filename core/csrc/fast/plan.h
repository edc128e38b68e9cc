/* Plans: what a compiled function runs. */
#ifndef DVF_PLAN_H
#define DVF_PLAN_H

#include "executable.h"
#include "fast.h"
#include "stream.h"

/* HOST: temporaries in host memory, of a plan whose device has memory of its own. */
typedef enum {
    DVF_STORE_INPUT,
    DVF_STORE_CONSTANT,
    DVF_STORE_ARENA,
    DVF_STORE_OUTPUT,
    DVF_STORE_HOST
} dvf_store;

typedef struct dvf_storage {
    dvf_store kind;
    int64_t index; /* input position, constant position, arena offset, donor input or -1 */
    uint64_t size;
} dvf_storage;

typedef struct dvf_slot { /* one tensor of the plan */
    int32_t storage, ndim;
    int dtype;
    uint64_t byte_offset;
    int64_t *extents; /* shape, then strides */
} dvf_slot;

typedef struct dvf_step {
    PyObject *target;        /* Kernel, Executable, or the Device that copies; strong */
    dvt_run_fn run;          /* kernels; null for the others */
    dvf_device *copier;      /* copies between memories; null for the others */
    bool from_host, to_host; /* of copies */
    bool on_host;            /* computes on host memory: nothing of it is enqueued */
    bool waits;              /* on a stream: first for what was enqueued */
    uint32_t *operands;      /* input slots, then output slots */
    uint32_t n_inputs, n_outputs;
    int64_t workspace; /* arena offset, -1 for none */
    PyObject *what;    /* op and the user's line, for errors */
    const char *text;  /* the same, readable without the lock */
} dvf_step;

/* What one running call needs for itself. */
typedef struct dvf_instance {
    struct dvf_instance *next;
    dvf_buffer *arena, *host_arena;
    dvf_buffer *workspace; /* where data is a handle, which cannot point into the arena */
    dvt_tensor *tensors;
    const dvt_tensor **pointers;
    dvt_call *calls;
    void **data;       /* per storage */
    uint64_t *offsets; /* per storage: bytes from data, where data is a handle; else 0 */
} dvf_instance;

typedef struct dvf_plan {
    PyObject_HEAD vectorcallfunc vectorcall;
    dvf_device *device;
    dvf_device *host;    /* where the CPU's share runs; null when one memory serves all */
    PyObject *constants; /* tuple of Arrays */
    dvf_storage *storages;
    dvf_slot *slots;
    dvf_step *steps;
    uint32_t *outputs; /* slots */
    uint32_t *patched; /* slots over inputs or outputs: their data changes from call to call */
    dvf_slot *inputs;  /* what each input must be */
    int64_t *extents;
    uint32_t *operands;
    int32_t *output_storage; /* storages of kind OUTPUT, in order */
    int n_storages, n_slots, n_steps, n_outputs, n_patched, n_inputs, n_output_storages;
    uint64_t arena_size, host_arena_size, cost_ns;
    dvf_pace pace;
    bool waits;         /* on a stream, at the end: host memory of the plan is still in use */
    dvf_instance *free; /* idle instances */
} dvf_plan;

dvf_instance *dvf_instance_new(dvf_plan *plan);
void dvf_instance_free(dvf_plan *plan, dvf_instance *instance);
/* A storage is where an array lies. */
static inline void dvf_instance_put(dvf_instance *x, int storage, const dvf_array *a) {
    bool opaque = a->device->opaque;
    x->data[storage] = opaque ? a->view.data : (void *)dvf_array_data(a);
    x->offsets[storage] = opaque ? a->view.byte_offset : 0;
}
/* Point the instance's tensors at its storages' data, then run every step. Needs no lock. On failure
 * *failed names the step. */
dvt_status dvf_instance_run(dvf_plan *plan, dvf_instance *instance, int *failed, dvt_error *error);
/* The same on a device with a stream: returns when all is enqueued, host memory aside. Needs no lock. */
bool dvf_instance_enqueue(dvf_plan *plan, dvf_instance *instance, int *failed,
                          dvf_failure *failure);
/* Read a plan's description (plan_build.c); 0 or -1. */
int dvf_plan_read(dvf_plan *p, PyObject *args);
/* Run on as many arrays as the plan has inputs, checked and made contiguous here. mask[i] != 0: the
 * input is donated; null: none is. out: one new reference per output. 0 or -1. */
int dvf_plan_call(dvf_plan *p, dvf_array *const *given, const char *mask, PyObject **out);
int dvf_entry_init(PyObject *module);
/* Plan.entry() -> Entry: the plan as a C function and a context (plan_entry.c). */
PyObject *dvf_plan_entry(PyObject *self, PyObject *unused);

#endif
