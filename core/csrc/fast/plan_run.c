/* The instances of a plan, and how they run: step by step on devices that are synchronous, else by
 * enqueueing every step on the device's stream. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"
#include "transfer.h"

void dvf_instance_free(dvf_plan *p, dvf_instance *x) {
    (void)p;
    if (x->arena != NULL) dvf_release(x->arena);
    if (x->host_arena != NULL) dvf_release(x->host_arena);
    if (x->workspace != NULL) dvf_release(x->workspace);
    free(x->tensors);
    free(x->pointers);
    free(x->calls);
    free(x->data);
    free(x->offsets);
    free(x);
}

static void bind_tensors(dvf_plan *p, dvf_instance *x) {
    for (int i = 0; i < p->n_slots; i++) {
        const dvf_slot *s = &p->slots[i];
        dvt_tensor *t = &x->tensors[i];
        t->place = p->device->place;
        t->ndim = s->ndim;
        t->dtype = dvf_dtypes[s->dtype].abi;
        t->shape = s->extents;
        t->strides = s->extents + s->ndim;
        t->byte_offset = s->byte_offset + x->offsets[s->storage];
        t->data = x->data[s->storage];
        const dvf_storage *storage = &p->storages[s->storage];
        if (storage->kind == DVF_STORE_CONSTANT) {
            dvf_array *a = (dvf_array *)PyTuple_GET_ITEM(p->constants, storage->index);
            t->place = a->view.place;
        }
        if (storage->kind == DVF_STORE_HOST) t->place = p->host->place;
    }
}

/* Memory for temporaries; 0 or -1. */
static int arena_alloc(dvf_buffer **arena, dvf_device *device, uint64_t size) {
    if (size == 0) return 0;
    *arena = dvf_alloc(device, size);
    return *arena == NULL ? -1 : 0;
}

static uint64_t workspace_size(const dvf_step *s) {
    if (s->workspace < 0) return 0;
    return s->run != NULL ? ((dvf_kernel *)s->target)->workspace_size
                          : ((dvf_executable *)s->target)->workspace_size;
}

/* Handles cannot point into an arena, so steps with such memory share one workspace of its own. */
static uint64_t opaque_workspace(const dvf_plan *p) {
    uint64_t most = 0;
    for (int i = 0; p->device->opaque && i < p->n_steps; i++) {
        const dvf_step *s = &p->steps[i];
        if (!s->on_host && workspace_size(s) > most) most = workspace_size(s);
    }
    return most;
}

/* The first address that the step's kernel takes; plan_builder.py left room for it. */
static void *aligned(char *at, const dvf_step *s) {
    uint64_t to = s->run != NULL ? ((dvf_kernel *)s->target)->workspace_alignment
                                 : ((dvf_executable *)s->target)->workspace_alignment;
    return to > 1 ? (void *)(((uintptr_t)at + to - 1) & ~(uintptr_t)(to - 1)) : at;
}

dvf_instance *dvf_instance_new(dvf_plan *p) {
    dvf_instance *x = calloc(1, sizeof *x);
    size_t operands = 0;
    for (int i = 0; i < p->n_steps; i++) operands += p->steps[i].n_inputs + p->steps[i].n_outputs;
    if (x != NULL) {
        x->tensors = calloc((size_t)p->n_slots + 1, sizeof *x->tensors);
        x->pointers = calloc(operands + 1, sizeof *x->pointers);
        x->calls = calloc((size_t)p->n_steps + 1, sizeof *x->calls);
        x->data = calloc((size_t)p->n_storages + 1, sizeof *x->data);
        x->offsets = calloc((size_t)p->n_storages + 1, sizeof *x->offsets);
    }
    if (x == NULL || x->tensors == NULL || x->pointers == NULL || x->calls == NULL ||
        x->data == NULL || x->offsets == NULL) {
        if (x != NULL) dvf_instance_free(p, x);
        PyErr_NoMemory();
        return NULL;
    }
    if (arena_alloc(&x->arena, p->device, p->arena_size) < 0 ||
        arena_alloc(&x->host_arena, p->host, p->host_arena_size) < 0 ||
        arena_alloc(&x->workspace, p->device, opaque_workspace(p)) < 0) {
        dvf_instance_free(p, x);
        return NULL;
    }
    for (int i = 0; i < p->n_storages; i++) {
        const dvf_storage *s = &p->storages[i];
        /* An arena of no bytes is none: what lies in it has no elements. */
        if (s->kind == DVF_STORE_ARENA && x->arena != NULL) {
            x->data[i] = (char *)x->arena->data + (p->device->opaque ? 0 : s->index);
            x->offsets[i] = p->device->opaque ? (uint64_t)s->index : 0;
        }
        if (s->kind == DVF_STORE_HOST && x->host_arena != NULL)
            x->data[i] = (char *)x->host_arena->data + s->index;
        if (s->kind == DVF_STORE_CONSTANT)
            dvf_instance_put(x, i, (dvf_array *)PyTuple_GET_ITEM(p->constants, s->index));
    }
    bind_tensors(p, x);
    const dvt_tensor **next = x->pointers;
    for (int i = 0; i < p->n_steps; i++) {
        const dvf_step *s = &p->steps[i];
        dvt_call *c = &x->calls[i];
        dvf_device *device = p->device;
        c->struct_size = (uint32_t)sizeof *c;
        if (s->run != NULL) {
            dvf_kernel *k = (dvf_kernel *)s->target;
            device = k->device;
            c->kernel = k->handle;
            c->attrs = k->attrs.items;
            c->n_attrs = k->attrs.count;
            c->workspace_size = k->workspace_size;
        } else if (s->copier != NULL) {
            device = s->copier;
        } else {
            device = ((dvf_executable *)s->target)->device;
            c->workspace_size = ((dvf_executable *)s->target)->workspace_size;
        }
        c->host = device->plugin->host;
        c->device = device->handle;
        c->n_inputs = s->n_inputs;
        c->n_outputs = s->n_outputs;
        c->inputs = next;
        c->outputs = next + s->n_inputs;
        c->tag = (uint64_t)i + 1;
        for (uint32_t k = 0; k < s->n_inputs + s->n_outputs; k++)
            *next++ = &x->tensors[s->operands[k]];
        dvf_buffer *arena = s->on_host && p->host != NULL ? x->host_arena : x->arena;
        if (s->workspace >= 0 && device->opaque && !s->on_host)
            c->workspace = x->workspace->data;
        else if (s->workspace >= 0)
            c->workspace = aligned((char *)arena->data + s->workspace, s);
    }
    return x;
}

/* ---- running ------------------------------------------------------------------------------------- */

static inline void bind(dvf_plan *p, dvf_instance *x) {
    for (int i = 0; i < p->n_patched; i++) {
        uint32_t slot = p->patched[i];
        x->tensors[slot].data = x->data[p->slots[slot].storage];
    }
    for (int i = 0; p->device->opaque && i < p->n_patched; i++) { /* elsewhere data says it all */
        const dvf_slot *s = &p->slots[p->patched[i]];
        x->tensors[p->patched[i]].byte_offset = s->byte_offset + x->offsets[s->storage];
    }
}

static bool copy_across(const dvf_step *s, const dvt_call *call, dvf_failure *f) {
    return dvf_enqueue_copy(s->copier, call->inputs[0], !s->from_host, call->outputs[0],
                            !s->to_host, s->text, f);
}

static __attribute__((noinline)) dvt_status run_other(const dvf_step *s, const dvt_call *call,
                                                      dvt_error *error) {
    if (s->copier == NULL) return dvf_execute((dvf_executable *)s->target, call, error);
    dvf_failure failure;
    if (copy_across(s, call, &failure)) return DVT_OK;
    *error = failure.error;
    return failure.status;
}

static inline dvt_status run_step(const dvf_step *s, const dvt_call *call, dvt_error *error) {
    return s->run != NULL ? s->run(call, error) : run_other(s, call, error);
}

dvt_status dvf_instance_run(dvf_plan *p, dvf_instance *x, int *failed, dvt_error *error) {
    bind(p, x);
    for (int i = 0; i < p->n_steps; i++) {
        dvt_status status = run_step(&p->steps[i], &x->calls[i], error);
        if (status != DVT_OK) {
            *failed = i;
            return status;
        }
    }
    return DVT_OK;
}

static bool enqueue_step(dvf_plan *p, const dvf_step *s, dvt_call *call, dvf_failure *f) {
    dvf_device *d = p->device;
    if (s->waits && !dvf_wait(d, f)) return false;
    if (s->copier != NULL) return copy_across(s, call, f);
    call->stream = s->on_host ? NULL : d->stream;
    call->tag = s->on_host ? 0 : dvf_remember(d, s->text);
    dvf_error_clear(&f->error);
    f->late = false;
    dvt_status status = run_step(s, call, &f->error);
    if (s->run != NULL) d = ((dvf_kernel *)s->target)->device;
    return status == DVT_OK || dvf_failed(f, d, status);
}

bool dvf_instance_enqueue(dvf_plan *p, dvf_instance *x, int *failed, dvf_failure *f) {
    bind(p, x);
    bool well = true;
    for (int i = 0; well && i < p->n_steps; i++) {
        *failed = i;
        well = enqueue_step(p, &p->steps[i], &x->calls[i], f);
    }
    if (!well) dvf_wait_silently(p->device); /* what was enqueued may still use host memory */
    if (well && p->waits) well = dvf_wait(p->device, f);
    return well;
}
