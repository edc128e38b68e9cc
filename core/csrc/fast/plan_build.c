/* Reading a plan's description from Python, and the instances that run it. */
#include <stdlib.h>
#include <string.h>

#include "plan.h"

static int read_storages(dvf_plan *p, PyObject *storages) {
    p->n_storages = (int)PyTuple_GET_SIZE(storages);
    p->storages = calloc((size_t)p->n_storages + 1, sizeof *p->storages);
    p->output_storage = calloc((size_t)p->n_storages + 1, sizeof *p->output_storage);
    if (p->storages == NULL || p->output_storage == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < p->n_storages; i++) {
        int kind;
        long long index;
        unsigned long long size;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(storages, i), "iLK", &kind, &index, &size))
            return -1;
        p->storages[i] = (dvf_storage){(dvf_store)kind, index, size};
        if (kind == DVF_STORE_OUTPUT) p->output_storage[p->n_output_storages++] = i;
    }
    return 0;
}

/* (dtype, shape, strides) into a slot; extents come from *next. */
static int read_spec(dvf_slot *s, PyObject *dtype, PyObject *shape, PyObject *strides,
                     int64_t **next) {
    s->dtype = dvf_dtype_index(dtype);
    if (s->dtype < 0) return -1;
    s->ndim = (int32_t)PyTuple_GET_SIZE(shape);
    s->extents = *next;
    for (int d = 0; d < s->ndim; d++) {
        s->extents[d] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, d));
        s->extents[s->ndim + d] =
            strides != NULL ? PyLong_AsLongLong(PyTuple_GET_ITEM(strides, d)) : 0;
    }
    *next += 2 * s->ndim;
    return PyErr_Occurred() ? -1 : 0;
}

static int count_extents(PyObject *rows, Py_ssize_t at, size_t *total) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(rows); i++) {
        PyObject *shape = PySequence_GetItem(PyTuple_GET_ITEM(rows, i), at);
        if (shape == NULL) return -1;
        *total += 2 * (size_t)PyTuple_Size(shape);
        Py_DECREF(shape);
    }
    return PyErr_Occurred() ? -1 : 0;
}

static int read_slots(dvf_plan *p, PyObject *tensors, PyObject *inputs) {
    size_t extents = 1;
    if (count_extents(tensors, 3, &extents) < 0 || count_extents(inputs, 1, &extents) < 0)
        return -1;
    p->n_slots = (int)PyTuple_GET_SIZE(tensors);
    p->n_inputs = (int)PyTuple_GET_SIZE(inputs);
    p->slots = calloc((size_t)p->n_slots + 1, sizeof *p->slots);
    p->inputs = calloc((size_t)p->n_inputs + 1, sizeof *p->inputs);
    p->patched = calloc((size_t)p->n_slots + 1, sizeof *p->patched);
    int64_t *next = p->extents = calloc(extents, sizeof *p->extents);
    if (p->slots == NULL || p->inputs == NULL || p->patched == NULL || next == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (int i = 0; i < p->n_slots; i++) {
        PyObject *dtype, *shape, *strides;
        unsigned long long offset;
        dvf_slot *s = &p->slots[i];
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(tensors, i), "iKOO!O!", &s->storage, &offset, &dtype,
                              &PyTuple_Type, &shape, &PyTuple_Type, &strides) ||
            read_spec(s, dtype, shape, strides, &next) < 0)
            return -1;
        s->byte_offset = offset;
        if (s->storage < 0 || s->storage >= p->n_storages) {
            PyErr_Format(PyExc_IndexError, "storage %d of %d", s->storage, p->n_storages);
            return -1;
        }
        dvf_store kind = p->storages[s->storage].kind;
        if (kind == DVF_STORE_INPUT || kind == DVF_STORE_OUTPUT)
            p->patched[p->n_patched++] = (uint32_t)i;
    }
    for (int i = 0; i < p->n_inputs; i++) {
        PyObject *dtype, *shape;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(inputs, i), "OO!", &dtype, &PyTuple_Type, &shape) ||
            read_spec(&p->inputs[i], dtype, shape, NULL, &next) < 0)
            return -1;
    }
    return 0;
}

static int put_operands(dvf_plan *p, PyObject *tuple, uint32_t **next) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        unsigned long v = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(tuple, i));
        if (PyErr_Occurred()) return -1;
        if (v >= (unsigned long)p->n_slots) {
            PyErr_Format(PyExc_IndexError, "tensor %lu of %d", v, p->n_slots);
            return -1;
        }
        *(*next)++ = (uint32_t)v;
    }
    return 0;
}

/* Whether the host can read what a slot names. */
static bool on_host(const dvf_plan *p, const dvf_slot *s) {
    const dvf_storage *storage = &p->storages[s->storage];
    if (storage->kind == DVF_STORE_HOST) return true;
    if (storage->kind != DVF_STORE_CONSTANT) return p->device->host_visible;
    return ((dvf_array *)PyTuple_GET_ITEM(p->constants, storage->index))->device->host_visible;
}

static int read_step(dvf_plan *p, dvf_step *s, PyObject *row, uint32_t **next) {
    PyObject *target, *inputs, *outputs, *what;
    long long workspace;
    if (!PyArg_ParseTuple(row, "OO!O!LU", &target, &PyTuple_Type, &inputs, &PyTuple_Type, &outputs,
                          &workspace, &what))
        return -1;
    uint64_t cost;
    if (Py_IS_TYPE(target, dvf_kernel_type)) {
        s->run = ((dvf_kernel *)target)->run;
        cost = ((dvf_kernel *)target)->cost_ns;
    } else if (Py_IS_TYPE(target, dvf_executable_type)) {
        cost = ((dvf_executable *)target)->cost_ns;
    } else if (Py_IS_TYPE(target, dvf_device_type)) {
        s->copier = (dvf_device *)target;
        cost = 0;
    } else {
        PyErr_SetString(PyExc_TypeError, "a step runs a Kernel or an Executable, or copies");
        return -1;
    }
    /* One step of unknown cost makes the whole unknown: the lock is then released. */
    p->cost_ns += cost > 0 ? cost : DVF_HOLD_LOCK_BELOW_NS;
    s->target = Py_NewRef(target);
    s->what = Py_NewRef(what);
    s->workspace = workspace;
    s->n_inputs = (uint32_t)PyTuple_GET_SIZE(inputs);
    s->n_outputs = (uint32_t)PyTuple_GET_SIZE(outputs);
    s->operands = *next;
    if (put_operands(p, inputs, next) < 0 || put_operands(p, outputs, next) < 0) return -1;
    if (s->copier == NULL) return 0;
    if (s->n_inputs != 1 || s->n_outputs != 1 || s->copier->plugin->device.copy == NULL) {
        PyErr_SetString(PyExc_TypeError, "a copy has one source, one destination and a device");
        return -1;
    }
    s->from_host = on_host(p, &p->slots[s->operands[0]]);
    s->to_host = on_host(p, &p->slots[s->operands[1]]);
    return 0;
}

static int read_steps(dvf_plan *p, PyObject *steps, PyObject *outputs) {
    size_t total = (size_t)PyTuple_GET_SIZE(outputs) + 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(steps); i++) {
        PyObject *row = PyTuple_GET_ITEM(steps, i);
        if (!PyTuple_Check(row) || PyTuple_GET_SIZE(row) != 5) {
            PyErr_SetString(PyExc_TypeError,
                            "a step is (target, inputs, outputs, workspace, what)");
            return -1;
        }
        total += (size_t)(PyTuple_Size(PyTuple_GET_ITEM(row, 1)) +
                          PyTuple_Size(PyTuple_GET_ITEM(row, 2)));
    }
    if (PyErr_Occurred()) return -1;
    uint32_t *next = p->operands = calloc(total, sizeof *next);
    p->steps = calloc((size_t)PyTuple_GET_SIZE(steps) + 1, sizeof *p->steps);
    if (p->operands == NULL || p->steps == NULL) {
        PyErr_NoMemory();
        return -1;
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(steps); i++) {
        p->n_steps = (int)i + 1;
        if (read_step(p, &p->steps[i], PyTuple_GET_ITEM(steps, i), &next) < 0) return -1;
    }
    p->outputs = next;
    p->n_outputs = (int)PyTuple_GET_SIZE(outputs);
    return put_operands(p, outputs, &next);
}

/* ---- instances ----------------------------------------------------------------------------------- */

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
        bool host = s->run != NULL && ((dvf_kernel *)s->target)->device == p->host;
        if (!host && workspace_size(s) > most) most = workspace_size(s);
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
        dvf_buffer *arena = device == p->host ? x->host_arena : x->arena;
        if (s->workspace >= 0 && device->opaque)
            c->workspace = x->workspace->data;
        else if (s->workspace >= 0)
            c->workspace = aligned((char *)arena->data + s->workspace, s);
    }
    return x;
}

static dvt_status copy_across(const dvf_step *s, const dvt_call *call, dvt_error *error) {
    dvt_copy copy = {.struct_size = (uint32_t)sizeof copy,
                     .source = call->inputs[0],
                     .destination = call->outputs[0],
                     .source_device = s->from_host ? NULL : s->copier->handle,
                     .destination_device = s->to_host ? NULL : s->copier->handle,
                     .tag = call->tag};
    return s->copier->plugin->device.copy(s->copier->handle, &copy, error);
}

static dvt_status run_step(const dvf_step *s, const dvt_call *call, dvt_error *error) {
    if (s->run != NULL) return s->run(call, error);
    if (s->copier != NULL) return copy_across(s, call, error);
    return dvf_execute((dvf_executable *)s->target, call, error);
}

dvt_status dvf_instance_run(dvf_plan *p, dvf_instance *x, int *failed, dvt_error *error) {
    for (int i = 0; i < p->n_patched; i++) {
        uint32_t slot = p->patched[i];
        int32_t storage = p->slots[slot].storage;
        x->tensors[slot].data = x->data[storage];
        x->tensors[slot].byte_offset = p->slots[slot].byte_offset + x->offsets[storage];
    }
    for (int i = 0; i < p->n_steps; i++) {
        const dvf_step *s = &p->steps[i];
        dvt_status status = run_step(s, &x->calls[i], error);
        if (status != DVT_OK) {
            *failed = i;
            return status;
        }
    }
    return DVT_OK;
}

/* ---- construction -------------------------------------------------------------------------------- */

/* (device, storages, constants, tensors, inputs, steps, outputs, arena_size, host device or None,
 * host_arena_size) */
int dvf_plan_read(dvf_plan *p, PyObject *args) {
    PyObject *device, *storages, *constants, *tensors, *inputs, *steps, *outputs, *host;
    unsigned long long arena, host_arena;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O!O!KOK", dvf_device_type, &device, &PyTuple_Type,
                          &storages, &PyTuple_Type, &constants, &PyTuple_Type, &tensors,
                          &PyTuple_Type, &inputs, &PyTuple_Type, &steps, &PyTuple_Type, &outputs,
                          &arena, &host, &host_arena))
        return -1;
    if (host != Py_None && !Py_IS_TYPE(host, dvf_device_type)) {
        PyErr_SetString(PyExc_TypeError, "the host is a Device or None");
        return -1;
    }
    if (host != Py_None) p->host = (dvf_device *)Py_NewRef(host);
    p->host_arena_size = p->host != NULL ? host_arena : 0;
    p->device = (dvf_device *)Py_NewRef(device);
    p->constants = Py_NewRef(constants);
    p->arena_size = arena;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(constants); i++) {
        if (!dvf_is_array(PyTuple_GET_ITEM(constants, i))) {
            PyErr_SetString(PyExc_TypeError, "constants must be Arrays");
            return -1;
        }
    }
    if (read_storages(p, storages) < 0 || read_slots(p, tensors, inputs) < 0) return -1;
    return read_steps(p, steps, outputs);
}
