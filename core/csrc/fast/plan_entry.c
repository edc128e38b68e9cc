/* A plan as a C function and a context, for samplers, optimisers and servers that loop natively. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#include <structmember.h>

#include "../../src/dovetail/include/dovetail_compiled.h"

static PyTypeObject *entry_type;

typedef struct entry {
    PyObject_HEAD dvt_compiled abi;
    dvf_plan *plan;
    dvf_instance *instance;
    dvt_tensor *specs;
    int *direct; /* per output: the storage it may write straight into, or -1 to copy afterwards */
    dvf_buffer **scratch; /* per OUTPUT storage without a direct output */
} entry;

/* The function behind dvt_compiled.call. */
static dvt_status call(void *context, const void *const *inputs, void *const *outputs,
                       dvt_error *error) {
    entry *e = context;
    dvf_plan *p = e->plan;
    dvf_instance *x = e->instance;
    if (p->device->guarded) {
        char text[256];
        snprintf(text, sizeof text, "its device %s", dvf_state_text(p->device));
        return dvt_set_error(error, DVT_DEVICE_LOST, text);
    }
    for (int i = 0; i < p->n_storages; i++) {
        if (p->storages[i].kind == DVF_STORE_INPUT)
            x->data[i] = (void *)(uintptr_t)inputs[p->storages[i].index];
    }
    for (int i = 0; i < p->n_outputs; i++)
        if (e->direct[i] >= 0) x->data[e->direct[i]] = outputs[i];
    int failed = 0;
    dvt_status status = dvf_instance_run(p, x, &failed, error);
    if (status != DVT_OK) return status;
    for (int i = 0; i < p->n_outputs; i++) {
        if (e->direct[i] >= 0) continue;
        const dvt_tensor *t = &x->tensors[p->outputs[i]];
        uint64_t size = dvf_dtypes[p->slots[p->outputs[i]].dtype].itemsize;
        for (int d = 0; d < t->ndim; d++) size *= (uint64_t)t->shape[d];
        if (size > 0) memcpy(outputs[i], (const char *)t->data + t->byte_offset, (size_t)size);
    }
    return DVT_OK;
}

static void entry_dealloc(PyObject *self) {
    entry *e = (entry *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (e->instance != NULL) dvf_instance_free(e->plan, e->instance);
    for (int i = 0; e->scratch != NULL && i < e->plan->n_storages; i++)
        if (e->scratch[i] != NULL) dvf_release(e->scratch[i]);
    free(e->scratch);
    free(e->direct);
    free(e->specs);
    Py_XDECREF((PyObject *)e->plan);
    PyObject_Free(self);
    Py_DECREF(type);
}

static void write_spec(dvt_tensor *t, const dvf_plan *p, const dvf_slot *s) {
    t->place = p->device->place;
    t->ndim = s->ndim;
    t->dtype = dvf_dtypes[s->dtype].abi;
    t->shape = s->extents;
    t->strides = s->extents + s->ndim;
}

/* Which outputs may be written in place: the first one that covers an OUTPUT storage. Other storages
 * get memory of their own. */
static int route_outputs(entry *e) {
    dvf_plan *p = e->plan;
    for (int i = 0; i < p->n_outputs; i++) {
        const dvf_slot *s = &p->slots[p->outputs[i]];
        e->direct[i] = -1;
        if (p->storages[s->storage].kind != DVF_STORE_OUTPUT || s->byte_offset != 0) continue;
        uint64_t size = dvf_dtypes[s->dtype].itemsize;
        for (int d = 0; d < s->ndim; d++) size *= (uint64_t)s->extents[d];
        bool free_to_take = size == p->storages[s->storage].size;
        for (int j = 0; j < i; j++) free_to_take = free_to_take && e->direct[j] != s->storage;
        if (free_to_take) e->direct[i] = s->storage;
    }
    for (int k = 0; k < p->n_output_storages; k++) {
        int at = p->output_storage[k];
        bool direct = false;
        for (int i = 0; i < p->n_outputs; i++) direct = direct || e->direct[i] == at;
        if (direct) continue;
        e->scratch[at] = dvf_alloc(p->device, p->storages[at].size);
        if (e->scratch[at] == NULL) return -1;
        e->instance->data[at] = e->scratch[at]->data;
    }
    return 0;
}

PyObject *dvf_plan_entry(PyObject *self, PyObject *unused) {
    (void)unused;
    dvf_plan *p = (dvf_plan *)self;
    if (!p->device->host_visible) {
        PyErr_Format(dvf_DeviceError, "%U has memory of its own; C entries need host memory",
                     p->device->name);
        return NULL;
    }
    entry *e = PyObject_New(entry, entry_type);
    if (e == NULL) return NULL;
    memset((char *)e + sizeof(PyObject), 0, sizeof *e - sizeof(PyObject));
    e->plan = (dvf_plan *)Py_NewRef(self);
    e->specs = calloc((size_t)(p->n_inputs + p->n_outputs) + 1, sizeof *e->specs);
    e->direct = calloc((size_t)p->n_outputs + 1, sizeof *e->direct);
    e->scratch = calloc((size_t)p->n_storages + 1, sizeof *e->scratch);
    e->instance = dvf_instance_new(p);
    if (e->specs == NULL || e->direct == NULL || e->scratch == NULL || e->instance == NULL ||
        route_outputs(e) < 0) {
        if (!PyErr_Occurred()) PyErr_NoMemory();
        Py_DECREF(e);
        return NULL;
    }
    for (int i = 0; i < p->n_inputs; i++) {
        write_spec(&e->specs[i], p, &p->inputs[i]);
        int64_t stride = 1;
        for (int d = p->inputs[i].ndim - 1; d >= 0; d--) {
            e->specs[i].strides[d] = stride;
            stride *= e->specs[i].shape[d];
        }
    }
    for (int i = 0; i < p->n_outputs; i++)
        write_spec(&e->specs[p->n_inputs + i], p, &p->slots[p->outputs[i]]);
    e->abi = (dvt_compiled){.struct_size = (uint32_t)sizeof e->abi,
                            .context = e,
                            .call = call,
                            .inputs = e->specs,
                            .outputs = e->specs + p->n_inputs,
                            .n_inputs = (uint32_t)p->n_inputs,
                            .n_outputs = (uint32_t)p->n_outputs};
    return (PyObject *)e;
}

static PyObject *entry_address(PyObject *self, void *closure) {
    (void)closure;
    return PyLong_FromVoidPtr(&((entry *)self)->abi);
}

static PyGetSetDef entry_getset[] = {
    {"address", entry_address, NULL, "Address of the dvt_compiled.", NULL},
    {NULL, NULL, NULL, NULL, NULL}};
static PyType_Slot entry_slots[] = {{Py_tp_dealloc, DVF_FN(entry_dealloc)},
                                    {Py_tp_getset, entry_getset},
                                    {Py_tp_doc, "A compiled function for native callers."},
                                    {0, NULL}};
static PyType_Spec entry_spec = {"dovetail._fast.Entry", sizeof(entry), 0,
                                 Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                 entry_slots};

int dvf_entry_init(PyObject *module) {
    entry_type = (PyTypeObject *)PyType_FromSpec(&entry_spec);
    if (entry_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "Entry", (PyObject *)entry_type);
}
