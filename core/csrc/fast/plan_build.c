/* Reading a plan's description from Python. */
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

/* Whether a step without an estimate does the same at every call: a plugin's kernel on given shapes does,
 * a loop or a Python function need not. */
static bool is_steady(PyObject *target) {
    return Py_IS_TYPE(target, dvf_kernel_type) &&
           (((dvf_kernel *)target)->pace.hold || ((dvf_kernel *)target)->pace.trials > 0);
}

static int read_step(dvf_plan *p, dvf_step *s, PyObject *row, uint32_t **next, uint64_t *known) {
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
    if (cost > 0) *known += cost;
    if (cost == 0 && !is_steady(target)) *known += DVF_HOLD_LOCK_BELOW_NS;
    s->target = Py_NewRef(target);
    s->what = Py_NewRef(what);
    s->text = PyUnicode_AsUTF8(what);
    if (s->text == NULL) return -1;
    s->workspace = workspace;
    s->n_inputs = (uint32_t)PyTuple_GET_SIZE(inputs);
    s->n_outputs = (uint32_t)PyTuple_GET_SIZE(outputs);
    s->operands = *next;
    if (put_operands(p, inputs, next) < 0 || put_operands(p, outputs, next) < 0) return -1;
    if (s->copier == NULL) return 0;
    if (s->n_inputs != 1 || s->n_outputs != 1) {
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
    uint64_t known = 0; /* estimates, and what no timing can tell */
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(steps); i++) {
        p->n_steps = (int)i + 1;
        if (read_step(p, &p->steps[i], PyTuple_GET_ITEM(steps, i), &next, &known) < 0) return -1;
    }
    bool timed = p->cost_ns >= DVF_HOLD_LOCK_BELOW_NS && known < DVF_HOLD_LOCK_BELOW_NS;
    p->pace = dvf_pace_of(timed ? 0 : p->cost_ns + 1); /* nothing to do is quick */
    p->outputs = next;
    p->n_outputs = (int)PyTuple_GET_SIZE(outputs);
    return put_operands(p, outputs, &next);
}

/* ---- what a stream leaves to the host -------------------------------------------------------------- */

/* Whether a step computes on the host: for the CPU, or for a row of the device that runs there. */
static bool computes_on_host(const dvf_plan *p, const dvf_step *s) {
    if (s->run == NULL) return false;
    const dvf_kernel *k = (const dvf_kernel *)s->target;
    return k->device != p->device || (k->hosted && (k->row_flags & DVT_KERNEL_ON_HOST));
}

/* Where a plan must wait for its device's stream: host memory that a copy still writes is not ready, and
 * what enqueued work still reads must not change. */
static void place_waits(dvf_plan *p) {
    bool pending = false;
    for (int i = 0; i < p->n_steps; i++) {
        dvf_step *s = &p->steps[i];
        bool hosted = s->run != NULL && ((dvf_kernel *)s->target)->hosted;
        s->on_host = computes_on_host(p, s);
        if (pending && (s->on_host || hosted)) {
            s->waits = true;
            pending = false;
        }
        if (s->copier != NULL && (s->from_host || s->to_host)) pending = true;
        if (hosted && !s->on_host) pending = true;
    }
    p->waits = pending;
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
    if (read_steps(p, steps, outputs) < 0) return -1;
    place_waits(p);
    return 0;
}
