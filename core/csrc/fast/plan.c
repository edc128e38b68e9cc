/* Plan: a flat list of kernel and executable calls over one arena. Calling it takes arrays, allocates
 * only its outputs (or reuses donated memory) and runs with the interpreter lock released. */
#include "plan.h"

#include <stdlib.h>
#include <string.h>

#include <structmember.h>

PyTypeObject *dvf_plan_type;

static dvf_buffer *donated_marker; /* what a donated array points to; never freed */

static dvf_buffer *marker(void) {
    if (donated_marker == NULL) {
        donated_marker = calloc(1, sizeof *donated_marker);
        if (donated_marker == NULL) {
            PyErr_NoMemory();
            return NULL;
        }
        donated_marker->references = 1;
        donated_marker->donated = true;
    }
    return donated_marker;
}

static int check_input(const dvf_plan *p, int i, dvf_array *a) {
    const dvf_slot *want = &p->inputs[i];
    if (dvf_array_check(a) < 0) return -1;
    if (a->device != p->device) {
        PyErr_Format(dvf_DeviceError,
                     "input %d lies on %U, but this function was compiled for %U; move it with "
                     "to_device(\"%U\")",
                     i, a->device->name, p->device->name, p->device->name);
        return -1;
    }
    if (a->dtype == want->dtype && a->view.ndim == want->ndim &&
        memcmp(a->view.shape, want->extents, (size_t)want->ndim * sizeof(int64_t)) == 0)
        return 0;
    PyObject *shape = PyObject_GetAttrString((PyObject *)a, "shape");
    if (shape != NULL) {
        PyErr_Format(dvf_OpError, "input %d is %S%S, which is not what this plan was made for", i,
                     dvf_dtypes[a->dtype].object, shape);
        Py_DECREF(shape);
    }
    return -1;
}

/* Buffers of the storages of kind OUTPUT: donated memory where it may be taken, else fresh. */
static int outputs_alloc(dvf_plan *p, dvf_instance *x, dvf_buffer **taken, dvf_buffer **buffers) {
    for (int k = 0; k < p->n_output_storages; k++) {
        int at = p->output_storage[k];
        const dvf_storage *s = &p->storages[at];
        dvf_buffer *b = NULL;
        if (s->index >= 0 && taken != NULL && taken[s->index] != NULL) {
            dvf_buffer *donor = taken[s->index];
            /* Only memory that is ours alone: no other array, no foreign owner. */
            if (donor->references == 1 && donor->owner == NULL && donor->size >= s->size) {
                b = donor;
                dvf_retain(b);
            }
        }
        if (b == NULL) b = dvf_alloc(p->device, s->size);
        if (b == NULL) {
            for (int j = 0; j < k; j++) dvf_release(buffers[j]);
            return -1;
        }
        buffers[k] = b;
        x->data[at] = b->data;
    }
    return 0;
}

static dvf_buffer *buffer_of(const dvf_plan *p, int storage, dvf_array *const *inputs,
                             dvf_buffer **taken, dvf_buffer *const *buffers, uint64_t *offset) {
    const dvf_storage *s = &p->storages[storage];
    if (s->kind == DVF_STORE_INPUT) {
        *offset = inputs[s->index]->view.byte_offset;
        return taken != NULL && taken[s->index] != NULL ? taken[s->index]
                                                        : inputs[s->index]->buffer;
    }
    if (s->kind == DVF_STORE_CONSTANT) {
        dvf_array *a = (dvf_array *)PyTuple_GET_ITEM(p->constants, s->index);
        *offset = a->view.byte_offset;
        return a->buffer;
    }
    for (int k = 0; k < p->n_output_storages; k++)
        if (p->output_storage[k] == storage) return buffers[k];
    return NULL;
}

static int wrap_outputs(dvf_plan *p, dvf_array *const *inputs, dvf_buffer **taken,
                        dvf_buffer *const *buffers, PyObject **out) {
    for (int i = 0; i < p->n_outputs; i++) {
        const dvf_slot *s = &p->slots[p->outputs[i]];
        uint64_t offset = 0;
        dvf_buffer *b = buffer_of(p, s->storage, inputs, taken, buffers, &offset);
        dvf_array *a = NULL;
        if (b == NULL) {
            PyErr_SetString(PyExc_SystemError, "an output lies in the arena");
        } else {
            dvf_retain(b);
            a = dvf_array_from_buffer(b, p->device, s->dtype, s->ndim, s->extents);
        }
        if (a == NULL) {
            while (i > 0) Py_CLEAR(out[--i]);
            return -1;
        }
        memcpy(a->view.strides, s->extents + s->ndim, (size_t)s->ndim * sizeof(int64_t));
        a->view.byte_offset = offset + s->byte_offset;
        dvf_array_update_contiguous(a);
        out[i] = (PyObject *)a;
    }
    return 0;
}

/* The step's own device: in a split plan it need not be the plan's. */
static dvf_device *device_of(const dvf_plan *p, const dvf_step *s) {
    return s->run != NULL ? ((dvf_kernel *)s->target)->device : p->device;
}

/* Kept out of the way of calls that succeed. */
static __attribute__((noinline, cold)) int raise_step(const dvf_plan *p, int failed,
                                                      dvf_failure *failure) {
    const dvf_step *s = &p->steps[failed];
    const char *slot = s->run != NULL ? "run" : s->copier != NULL ? "copy" : "execute";
    return dvf_raise_failure(failure, s->text, slot);
}

/* On a device with a stream: done when everything is enqueued. */
static __attribute__((noinline)) int enqueue_instance(dvf_plan *p, dvf_instance *x) {
    dvf_failure failure;
    int failed = 0;
    bool well;
    DVF_BEGIN_CALL(p->device);
    well = dvf_instance_enqueue(p, x, &failed, &failure);
    DVF_END_CALL;
    return well ? 0 : raise_step(p, failed, &failure);
}

static __attribute__((noinline)) dvt_status run_timed(dvf_plan *p, dvf_instance *x, int *failed,
                                                      dvt_error *error) {
    dvt_status status;
    int64_t start, end;
    DVF_BEGIN_CALL(p->device);
    start = dvf_now_ns();
    status = dvf_instance_run(p, x, failed, error);
    end = dvf_now_ns();
    DVF_END_CALL;
    dvf_pace_learn(&p->pace, end - start);
    return status;
}

static int run_instance(dvf_plan *p, dvf_instance *x) {
    if (p->device->guarded) {
        if (dvf_usable(p->device) < 0) return -1;
        if (p->device->queue != NULL) return enqueue_instance(p, x);
    }
    dvt_error error;
    dvt_status status;
    int failed = 0;
    dvf_error_clear(&error);
    if (p->pace.hold) {
        status = dvf_instance_run(p, x, &failed, &error);
    } else if (p->pace.trials > 0) {
        status = run_timed(p, x, &failed, &error);
    } else {
        DVF_BEGIN_CALL(p->device);
        status = dvf_instance_run(p, x, &failed, &error);
        DVF_END_CALL;
    }
    if (status == DVT_OK) return 0;
    dvf_failure failure = {
        .device = device_of(p, &p->steps[failed]), .status = status, .error = error};
    return raise_step(p, failed, &failure);
}

static int run(dvf_plan *p, dvf_array *const *inputs, dvf_buffer **taken, PyObject **out) {
    dvf_buffer *few[32], **buffers = few;
    if (p->n_output_storages > 32) {
        buffers = malloc((size_t)p->n_output_storages * sizeof *buffers);
        if (buffers == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    int result = -1;
    dvf_instance *x = p->free;
    if (x != NULL) p->free = x->next;
    if (x == NULL) x = dvf_instance_new(p);
    if (x == NULL) goto done;
    for (int i = 0; i < p->n_storages; i++)
        if (p->storages[i].kind == DVF_STORE_INPUT)
            dvf_instance_put(x, i, inputs[p->storages[i].index]);
    if (outputs_alloc(p, x, taken, buffers) == 0) {
        if (run_instance(p, x) == 0) {
            uint64_t tag = dvf_newest_tag(p->device);
            for (int k = 0; k < p->n_output_storages; k++) buffers[k]->written = tag;
            result = wrap_outputs(p, inputs, taken, buffers, out);
        }
        for (int k = 0; k < p->n_output_storages; k++) dvf_release(buffers[k]);
    }
    x->next = p->free;
    p->free = x;
done:
    if (buffers != few) free(buffers);
    return result;
}

/* Run with some inputs donated: mask[i] != 0. Their arrays lose their memory even on failure, since
 * a step may have overwritten it by then. */
static int run_donating(dvf_plan *p, dvf_array *const *inputs, const char *mask, PyObject **out) {
    dvf_buffer *few[64] = {NULL}, **taken = few;
    if (marker() == NULL) return -1;
    if (p->n_inputs > 64) {
        taken = calloc((size_t)p->n_inputs, sizeof *taken);
        if (taken == NULL) {
            PyErr_NoMemory();
            return -1;
        }
    }
    for (int i = 0; i < p->n_inputs; i++) {
        if (!mask[i]) continue;
        for (int j = 0; j < i; j++) {
            if (inputs[j] == inputs[i] && mask[j]) {
                PyErr_Format(
                    dvf_DonatedError,
                    "inputs %d and %d are the same array and both are donated; pass a copy "
                    "of one",
                    j, i);
                for (int k = 0; k < i; k++)
                    if (taken[k] != NULL) dvf_release(taken[k]);
                if (taken != few) free(taken);
                return -1;
            }
        }
        taken[i] = inputs[i]->buffer;
        dvf_retain(taken[i]);
    }
    /* From here on the arrays are empty-handed; `taken` holds what they held. */
    for (int i = 0; i < p->n_inputs; i++) {
        if (taken[i] == NULL) continue;
        dvf_release(inputs[i]->buffer);
        inputs[i]->buffer = donated_marker;
        dvf_retain(donated_marker);
    }
    int result = run(p, inputs, taken, out);
    for (int i = 0; i < p->n_inputs; i++)
        if (taken[i] != NULL) dvf_release(taken[i]);
    if (taken != few) free(taken);
    return result;
}

int dvf_plan_call(dvf_plan *p, dvf_array *const *given, const char *mask, PyObject **out) {
    dvf_array *few[64], **inputs = few;
    bool owned_few[64] = {false}, *owned = owned_few;
    int result = -1, n = 0;
    if (p->n_inputs > 64) {
        inputs = malloc((size_t)p->n_inputs * sizeof *inputs);
        owned = calloc((size_t)p->n_inputs, sizeof *owned);
        if (inputs == NULL || owned == NULL) {
            PyErr_NoMemory();
            goto done;
        }
    }
    for (; n < p->n_inputs; n++) {
        inputs[n] = given[n];
        if (check_input(p, n, given[n]) < 0) goto done;
        if (given[n]->contiguous) continue;
        PyObject *function = PyDict_GetItemString(dvf_array_operators, "copy");
        PyObject *copy = function ? PyObject_CallOneArg(function, (PyObject *)given[n]) : NULL;
        if (copy == NULL) goto done;
        inputs[n] = (dvf_array *)copy;
        owned[n] = true;
    }
    result = mask != NULL ? run_donating(p, inputs, mask, out) : run(p, inputs, NULL, out);
done:
    for (int i = 0; owned != NULL && i < n; i++)
        if (owned[i]) Py_DECREF(inputs[i]);
    if (inputs != few) free(inputs);
    if (owned != owned_few) free(owned);
    return result;
}

static PyObject *plan_vectorcall(PyObject *self, PyObject *const *args, size_t nargsf,
                                 PyObject *kwnames) {
    dvf_plan *p = (dvf_plan *)self;
    Py_ssize_t n = PyVectorcall_NARGS(nargsf);
    if (kwnames != NULL || n != p->n_inputs) {
        PyErr_Format(PyExc_TypeError, "this plan takes %d arrays, not %zd", p->n_inputs, n);
        return NULL;
    }
    for (Py_ssize_t i = 0; i < n; i++) {
        if (!dvf_is_array(args[i]) || ((dvf_array *)args[i])->tracer != NULL) {
            PyErr_Format(PyExc_TypeError, "input %zd must be a concrete Array", i);
            return NULL;
        }
    }
    PyObject *tuple = PyTuple_New(p->n_outputs);
    if (tuple == NULL) return NULL;
    if (dvf_plan_call(p, (dvf_array *const *)(void *)args, NULL, &PyTuple_GET_ITEM(tuple, 0)) < 0)
        Py_CLEAR(tuple);
    return tuple;
}

static void plan_dealloc(PyObject *self) {
    dvf_plan *p = (dvf_plan *)self;
    PyTypeObject *type = Py_TYPE(self);
    while (p->free != NULL) {
        dvf_instance *next = p->free->next;
        dvf_instance_free(p, p->free);
        p->free = next;
    }
    for (int i = 0; p->steps != NULL && i < p->n_steps; i++) {
        Py_XDECREF(p->steps[i].target);
        Py_XDECREF(p->steps[i].what);
    }
    free(p->steps);
    free(p->storages);
    free(p->output_storage);
    free(p->slots);
    free(p->inputs);
    free(p->patched);
    free(p->extents);
    free(p->operands);
    Py_XDECREF(p->constants);
    Py_XDECREF((PyObject *)p->device);
    Py_XDECREF((PyObject *)p->host);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyObject *plan_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    dvf_plan *p = PyObject_New(dvf_plan, type);
    if (p == NULL) return NULL;
    memset((char *)p + sizeof(PyObject), 0, sizeof *p - sizeof(PyObject));
    p->vectorcall = plan_vectorcall;
    if (dvf_plan_read(p, args) < 0) {
        Py_DECREF(p);
        return NULL;
    }
    return (PyObject *)p;
}

static PyMemberDef plan_members[] = {
    {"__vectorcalloffset__", T_PYSSIZET, offsetof(dvf_plan, vectorcall), READONLY, NULL},
    {"arena_size", T_ULONGLONG, offsetof(dvf_plan, arena_size), READONLY, "bytes"},
    {"host_arena_size", T_ULONGLONG, offsetof(dvf_plan, host_arena_size), READONLY, "bytes"},
    {"cost_ns", T_ULONGLONG, offsetof(dvf_plan, cost_ns), READONLY, "estimate"},
    {"steps", T_INT, offsetof(dvf_plan, n_steps), READONLY, "number of calls into devices"},
    {NULL, 0, 0, 0, NULL}};

static PyMethodDef plan_methods[] = {
    {"entry", dvf_plan_entry, METH_NOARGS, "The plan as a C function and a context."},
    {NULL, NULL, 0, NULL}};

static PyType_Slot plan_slots[] = {{Py_tp_new, DVF_FN(plan_new)},
                                   {Py_tp_dealloc, DVF_FN(plan_dealloc)},
                                   {Py_tp_call, DVF_FN(PyVectorcall_Call)},
                                   {Py_tp_members, plan_members},
                                   {Py_tp_methods, plan_methods},
                                   {Py_tp_doc, "A compiled graph; call it with arrays."},
                                   {0, NULL}};
static PyType_Spec plan_spec = {"dovetail._fast.Plan", sizeof(dvf_plan), 0,
                                Py_TPFLAGS_DEFAULT | Py_TPFLAGS_HAVE_VECTORCALL, plan_slots};

int dvf_plan_init(PyObject *module) {
    if (dvf_executable_init(module) < 0 || dvf_entry_init(module) < 0) return -1;
    dvf_plan_type = (PyTypeObject *)PyType_FromSpec(&plan_spec);
    if (dvf_plan_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "Plan", (PyObject *)dvf_plan_type);
}
