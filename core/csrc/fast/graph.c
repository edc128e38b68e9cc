/* Graphs across the border: a flat dvt_graph built from Python descriptions, offered to a device to
 * partition and compile. */
#include <stdlib.h>
#include <string.h>

#include "answers.h"
#include "closing.h"
#include "executable.h"
#include "fast.h"
#include "stream.h"

#include <structmember.h>

PyTypeObject *dvf_executable_type;
static PyTypeObject *graph_type;

typedef struct graph {
    PyObject_HEAD dvt_graph abi;
    dvt_node *nodes;
    const dvt_node **node_pointers;
    dvt_value *values;
    const dvt_value **value_pointers;
    int64_t *extents;
    uint32_t *indices;
    dvf_attrs *attrs;
    dvf_attrs options;
    PyObject *keep; /* strings and constants */
    dvf_device *device;
} graph;

static void graph_dealloc(PyObject *self) {
    graph *g = (graph *)self;
    PyTypeObject *type = Py_TYPE(self);
    for (uint32_t i = 0; g->attrs != NULL && i < g->abi.n_nodes; i++) dvf_attrs_clear(&g->attrs[i]);
    dvf_attrs_clear(&g->options);
    free(g->attrs);
    free(g->nodes);
    free(g->node_pointers);
    free(g->values);
    free(g->value_pointers);
    free(g->extents);
    free(g->indices);
    Py_XDECREF(g->keep);
    Py_XDECREF((PyObject *)g->device);
    PyObject_Free(self);
    Py_DECREF(type);
}

/* Copy a tuple of indices; returns the next free place or null with an exception. */
static uint32_t *put_indices(PyObject *tuple, uint32_t *to, uint32_t limit) {
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(tuple); i++) {
        unsigned long v = PyLong_AsUnsignedLong(PyTuple_GET_ITEM(tuple, i));
        if (PyErr_Occurred()) return NULL;
        if (v >= limit) {
            PyErr_Format(PyExc_IndexError, "value %lu of %u", v, limit);
            return NULL;
        }
        *to++ = (uint32_t)v;
    }
    return to;
}

static int read_values(graph *g, PyObject *values) {
    int64_t *next = g->extents;
    for (uint32_t i = 0; i < g->abi.n_values; i++) {
        PyObject *dtype, *shape, *constant;
        dvt_value *v = &g->values[i];
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(values, i), "OO!O", &dtype, &PyTuple_Type, &shape,
                              &constant))
            return -1;
        int index = dvf_dtype_index(dtype), ndim = (int)PyTuple_GET_SIZE(shape);
        if (index < 0) return -1;
        v->struct_size = (uint32_t)sizeof *v;
        v->spec.dtype = dvf_dtypes[index].abi;
        v->spec.ndim = ndim;
        v->spec.place = g->device->place;
        v->spec.shape = next;
        v->spec.strides = next + ndim;
        int64_t stride = 1;
        for (int d = ndim - 1; d >= 0; d--) {
            v->spec.shape[d] = PyLong_AsLongLong(PyTuple_GET_ITEM(shape, d));
            v->spec.strides[d] = stride;
            stride *= v->spec.shape[d];
        }
        if (PyErr_Occurred()) return -1;
        next += 2 * ndim;
        g->value_pointers[i] = v;
        if (constant == Py_None) continue;
        dvf_array *a = (dvf_array *)constant;
        if (!dvf_is_array(constant) || !a->contiguous) {
            PyErr_SetString(PyExc_TypeError, "constants must be contiguous Arrays");
            return -1;
        }
        v->flags = DVT_VALUE_CONSTANT;
        v->spec.data = a->view.data;
        v->spec.byte_offset = a->view.byte_offset;
    }
    return 0;
}

static uint32_t *read_nodes(graph *g, PyObject *nodes, uint32_t *next) {
    for (uint32_t i = 0; i < g->abi.n_nodes; i++) {
        PyObject *inputs, *outputs, *attributes;
        unsigned int version;
        dvt_node *n = &g->nodes[i];
        n->struct_size = (uint32_t)sizeof *n;
        if (!PyArg_ParseTuple(PyTuple_GET_ITEM(nodes, i), "sIO!O!Os", &n->op, &version,
                              &PyTuple_Type, &inputs, &PyTuple_Type, &outputs, &attributes,
                              &n->location))
            return NULL;
        n->version = version;
        n->n_inputs = (uint32_t)PyTuple_GET_SIZE(inputs);
        n->n_outputs = (uint32_t)PyTuple_GET_SIZE(outputs);
        n->inputs = next;
        if ((next = put_indices(inputs, next, g->abi.n_values)) == NULL) return NULL;
        n->outputs = next;
        if ((next = put_indices(outputs, next, g->abi.n_values)) == NULL) return NULL;
        if (dvf_attrs_from_dict(attributes, &g->attrs[i]) < 0) return NULL;
        n->attrs = g->attrs[i].items;
        n->n_attrs = g->attrs[i].count;
        g->node_pointers[i] = n;
    }
    return next;
}

/* Room for every index and extent, so that pointers into the arrays stay valid. */
static int measure(PyObject *nodes, PyObject *values, PyObject *inputs, PyObject *outputs,
                   size_t *indices, size_t *extents) {
    *indices = (size_t)(PyTuple_GET_SIZE(inputs) + PyTuple_GET_SIZE(outputs)) + 1;
    *extents = 1;
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(nodes); i++) {
        PyObject *node = PyTuple_GET_ITEM(nodes, i);
        if (!PyTuple_Check(node) || PyTuple_GET_SIZE(node) != 6) goto bad;
        *indices += (size_t)(PyObject_Length(PyTuple_GET_ITEM(node, 2)) +
                             PyObject_Length(PyTuple_GET_ITEM(node, 3)));
    }
    for (Py_ssize_t i = 0; i < PyTuple_GET_SIZE(values); i++) {
        PyObject *value = PyTuple_GET_ITEM(values, i);
        if (!PyTuple_Check(value) || PyTuple_GET_SIZE(value) != 3) goto bad;
        *extents += 2 * (size_t)PyObject_Length(PyTuple_GET_ITEM(value, 1));
    }
    return PyErr_Occurred() ? -1 : 0;
bad:
    PyErr_SetString(PyExc_TypeError, "graph nodes and values must be tuples of 6 and 3 items");
    return -1;
}

/* FlatGraph(device, values, nodes, inputs, outputs, options)
 * values: (dtype, shape, constant or None); nodes: (op, version, inputs, outputs, attributes, location) */
static PyObject *graph_new(PyTypeObject *type, PyObject *args, PyObject *kwargs) {
    (void)kwargs;
    PyObject *device, *values, *nodes, *inputs, *outputs, *options;
    size_t n_indices, n_extents;
    if (!PyArg_ParseTuple(args, "O!O!O!O!O!O!", dvf_device_type, &device, &PyTuple_Type, &values,
                          &PyTuple_Type, &nodes, &PyTuple_Type, &inputs, &PyTuple_Type, &outputs,
                          &PyDict_Type, &options) ||
        measure(nodes, values, inputs, outputs, &n_indices, &n_extents) < 0)
        return NULL;
    graph *g = PyObject_New(graph, type);
    if (g == NULL) return NULL;
    memset((char *)g + sizeof(PyObject), 0, sizeof *g - sizeof(PyObject));
    size_t n = (size_t)PyTuple_GET_SIZE(nodes), m = (size_t)PyTuple_GET_SIZE(values);
    g->device = (dvf_device *)Py_NewRef(device);
    g->keep = PyTuple_Pack(2, values, nodes);
    g->nodes = calloc(n + 1, sizeof *g->nodes);
    g->node_pointers = calloc(n + 1, sizeof *g->node_pointers);
    g->values = calloc(m + 1, sizeof *g->values);
    g->value_pointers = calloc(m + 1, sizeof *g->value_pointers);
    g->extents = calloc(n_extents, sizeof *g->extents);
    g->indices = calloc(n_indices, sizeof *g->indices);
    g->attrs = calloc(n + 1, sizeof *g->attrs);
    if (g->keep == NULL || g->nodes == NULL || g->node_pointers == NULL || g->values == NULL ||
        g->value_pointers == NULL || g->extents == NULL || g->indices == NULL || g->attrs == NULL) {
        Py_DECREF(g);
        return PyErr_NoMemory();
    }
    g->abi.struct_size = (uint32_t)sizeof g->abi;
    g->abi.n_nodes = (uint32_t)n;
    g->abi.n_values = (uint32_t)m;
    g->abi.nodes = g->node_pointers;
    g->abi.values = g->value_pointers;
    g->abi.n_inputs = (uint32_t)PyTuple_GET_SIZE(inputs);
    g->abi.n_outputs = (uint32_t)PyTuple_GET_SIZE(outputs);
    uint32_t *next = read_values(g, values) < 0 ? NULL : read_nodes(g, nodes, g->indices);
    if (next != NULL) {
        g->abi.inputs = next;
        next = put_indices(inputs, next, g->abi.n_values);
    }
    if (next != NULL) {
        g->abi.outputs = next;
        next = put_indices(outputs, next, g->abi.n_values);
    }
    if (next == NULL || dvf_attrs_from_dict(options, &g->options) < 0) {
        Py_DECREF(g);
        return NULL;
    }
    return (PyObject *)g;
}

static dvt_compile_desc describe(graph *g, unsigned int flags) {
    return (dvt_compile_desc){.struct_size = (uint32_t)sizeof(dvt_compile_desc),
                              .flags = flags,
                              .graph = &g->abi,
                              .devices = &g->device->handle,
                              .options = g->options.items,
                              .host = g->device->plugin->host,
                              .n_devices = 1,
                              .n_options = g->options.count};
}

/* partition(flags) -> tuple of (group, reason or None) per node; None without a partition slot */
static PyObject *graph_partition(PyObject *self, PyObject *arg) {
    graph *g = (graph *)self;
    unsigned long flags = PyLong_AsUnsignedLong(arg);
    if (PyErr_Occurred()) return NULL;
    const dvt_graph_api *api = &g->device->plugin->graph;
    if (!g->device->plugin->has_graph || api->partition == NULL) Py_RETURN_NONE;
    if (dvf_usable(g->device) < 0) return NULL;
    size_t n = g->abi.n_nodes;
    dvt_claim *claims = calloc(n + 1, sizeof *claims), **pointers = calloc(n + 1, sizeof *pointers);
    PyObject *result = NULL;
    if (claims == NULL || pointers == NULL) {
        PyErr_NoMemory();
        goto done;
    }
    for (size_t i = 0; i < n; i++) {
        claims[i].struct_size = (uint32_t)sizeof *claims;
        pointers[i] = &claims[i];
    }
    dvt_compile_desc desc = describe(g, (unsigned int)flags);
    dvt_error error;
    dvf_error_clear(&error);
    dvt_status status = api->partition(&desc, pointers, &error);
    if (status != DVT_OK && status != DVT_UNSUPPORTED) {
        dvf_raise_slot(status, &error, PyUnicode_AsUTF8(g->device->name), "graph", "partition");
        goto done;
    }
    result = PyTuple_New((Py_ssize_t)n);
    for (size_t i = 0; result != NULL && i < n; i++) {
        PyObject *reason =
            claims[i].reason != NULL ? dvf_plugin_text(claims[i].reason, "") : Py_NewRef(Py_None);
        PyObject *row = reason != NULL ? Py_BuildValue("(IN)", claims[i].group, reason) : NULL;
        if (row == NULL) Py_CLEAR(result);
        if (row != NULL) PyTuple_SET_ITEM(result, (Py_ssize_t)i, row);
    }
done:
    free(claims);
    free(pointers);
    return result;
}

/* compile(flags) -> Executable, or the reason of refusal as str */
static PyObject *graph_compile(PyObject *self, PyObject *arg) {
    graph *g = (graph *)self;
    unsigned long flags = PyLong_AsUnsignedLong(arg);
    if (PyErr_Occurred()) return NULL;
    if (!g->device->plugin->has_graph) return PyUnicode_FromString("it has no graph table");
    if (dvf_settle(g->device, "compile") < 0) return NULL; /* its constants are to be read */
    dvf_executable *x = PyObject_New(dvf_executable, dvf_executable_type);
    if (x == NULL) return NULL;
    memset((char *)x + sizeof(PyObject), 0, sizeof *x - sizeof(PyObject));
    pthread_mutex_init(&x->lock, NULL);
    x->device = (dvf_device *)Py_NewRef((PyObject *)g->device);
    x->graph = Py_NewRef(self);
    dvt_compile_desc desc = describe(g, (unsigned int)flags);
    dvt_executable_info info;
    dvt_error error;
    memset(&info, 0, sizeof info);
    info.struct_size = (uint32_t)sizeof info;
    dvf_error_clear(&error);
    dvt_status status = g->device->plugin->graph.compile(&desc, &x->handle, &info, &error);
    if (status != DVT_OK) {
        x->handle = NULL; /* whatever stands there was not handed over */
        Py_DECREF(x);
        if (status == DVT_UNSUPPORTED)
            return dvf_plugin_text(dvf_error_text(&error), "no reason given");
        return dvf_raise_slot(status, &error, PyUnicode_AsUTF8(g->device->name), "graph",
                              "compile");
    }
    if (x->handle != NULL && (x->made = dvf_made_executable(x->device, x->handle)) == NULL) {
        Py_DECREF(x);
        return NULL;
    }
    if (dvf_check_executable_info(&info, x->handle, x->device) < 0) {
        Py_DECREF(x);
        return NULL;
    }
    x->flags = info.flags;
    x->workspace_size = info.workspace_size;
    x->workspace_alignment = info.workspace_alignment != 0 ? info.workspace_alignment : 64;
    x->cost_ns = info.cost_ns;
    x->may_alias = info.may_alias;
    x->description = dvf_plugin_text(info.description, "");
    if (x->description == NULL) Py_CLEAR(x);
    return (PyObject *)x;
}

dvt_status dvf_execute(dvf_executable *x, const dvt_call *call, dvt_error *error) {
    const dvt_graph_api *api = &x->device->plugin->graph;
    if (x->flags & DVT_EXECUTABLE_CONCURRENT) return api->execute(x->handle, call, error);
    pthread_mutex_lock(&x->lock);
    dvt_status status = api->execute(x->handle, call, error);
    pthread_mutex_unlock(&x->lock);
    return status;
}

static void executable_dealloc(PyObject *self) {
    dvf_executable *x = (dvf_executable *)self;
    PyTypeObject *type = Py_TYPE(self);
    pthread_mutex_destroy(&x->lock);
    if (x->made != NULL) dvf_unmake(x->made);
    Py_XDECREF((PyObject *)x->device);
    Py_XDECREF(x->graph);
    Py_XDECREF(x->description);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMemberDef executable_members[] = {
    {"cost_ns", T_ULONGLONG, offsetof(dvf_executable, cost_ns), READONLY, "estimate, 0 = unknown"},
    {"workspace_size", T_ULONGLONG, offsetof(dvf_executable, workspace_size), READONLY, "bytes"},
    {"workspace_alignment", T_ULONGLONG, offsetof(dvf_executable, workspace_alignment), READONLY,
     ""},
    {"may_alias", T_ULONGLONG, offsetof(dvf_executable, may_alias), READONLY, "bit 8*o + i"},
    {"flags", T_UINT, offsetof(dvf_executable, flags), READONLY, "DVT_EXECUTABLE_..."},
    {"description", T_OBJECT, offsetof(dvf_executable, description), READONLY, "for explain()"},
    {"device", T_OBJECT, offsetof(dvf_executable, device), READONLY, "where it runs"},
    {NULL, 0, 0, 0, NULL}};

static PyType_Slot executable_slots[] = {{Py_tp_dealloc, DVF_FN(executable_dealloc)},
                                         {Py_tp_members, executable_members},
                                         {Py_tp_doc, "A compiled group of nodes."},
                                         {0, NULL}};
static PyType_Spec executable_spec = {"dovetail._fast.Executable", sizeof(dvf_executable), 0,
                                      Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                      executable_slots};

static PyMethodDef graph_methods[] = {
    {"partition", graph_partition, METH_O, "partition(flags) -> ((group, reason), ...) or None"},
    {"compile", graph_compile, METH_O, "compile(flags) -> Executable or reason"},
    {NULL, NULL, 0, NULL}};
static PyType_Slot graph_slots[] = {{Py_tp_new, DVF_FN(graph_new)},
                                    {Py_tp_dealloc, DVF_FN(graph_dealloc)},
                                    {Py_tp_methods, graph_methods},
                                    {Py_tp_doc, "A dvt_graph for one device."},
                                    {0, NULL}};
static PyType_Spec graph_spec = {"dovetail._fast.FlatGraph", sizeof(graph), 0, Py_TPFLAGS_DEFAULT,
                                 graph_slots};

int dvf_executable_init(PyObject *module) {
    dvf_executable_type = (PyTypeObject *)PyType_FromSpec(&executable_spec);
    graph_type = (PyTypeObject *)PyType_FromSpec(&graph_spec);
    if (dvf_executable_type == NULL || graph_type == NULL) return -1;
    if (PyModule_AddObjectRef(module, "Executable", (PyObject *)dvf_executable_type) < 0) return -1;
    return PyModule_AddObjectRef(module, "FlatGraph", (PyObject *)graph_type);
}
