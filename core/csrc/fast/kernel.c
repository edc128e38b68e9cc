/* Kernel: what a device answered for one op on one set of specs; run by the cache and by plans. */
#include <stddef.h>
#include <string.h>

#include "answers.h"
#include "closing.h"
#include "fast.h"
#include "stream.h"

#include <structmember.h>
#include "specs.h"

PyTypeObject *dvf_kernel_type;

static void kernel_dealloc(PyObject *self) {
    dvf_kernel *k = (dvf_kernel *)self;
    PyTypeObject *type = Py_TYPE(self);
    if (k->made != NULL)
        dvf_unmake(k->made);
    else if (k->handle != NULL && k->destroy != NULL)
        k->destroy(k->handle); /* not a plugin's */
    dvf_attrs_clear(&k->attrs);
    Py_XDECREF(k->op_name);
    Py_XDECREF((PyObject *)k->device);
    PyObject_Free(self);
    Py_DECREF(type);
}

static PyMemberDef kernel_members[] = {
    {"cost_ns", T_ULONGLONG, offsetof(dvf_kernel, cost_ns), READONLY, "estimate, 0 = unknown"},
    {"workspace_size", T_ULONGLONG, offsetof(dvf_kernel, workspace_size), READONLY, "bytes"},
    {"workspace_alignment", T_ULONGLONG, offsetof(dvf_kernel, workspace_alignment), READONLY, ""},
    {"may_alias", T_ULONGLONG, offsetof(dvf_kernel, may_alias), READONLY, "bit 8*o + i"},
    {"host_inputs", T_ULONGLONG, offsetof(dvf_kernel, host_inputs), READONLY, "mask"},
    {"flags", T_UINT, offsetof(dvf_kernel, flags), READONLY, "DVT_INFO_..."},
    {"holds_lock", T_BOOL, offsetof(dvf_kernel, pace.hold), READONLY,
     "whether the interpreter lock is kept around a call"},
    {"row_flags", T_UINT, offsetof(dvf_kernel, row_flags), READONLY, "DVT_KERNEL_..."},
    {"op_name", T_OBJECT, offsetof(dvf_kernel, op_name), READONLY, "name of the op"},
    {"device", T_OBJECT, offsetof(dvf_kernel, device), READONLY, "where it runs"},
    {NULL, 0, 0, 0, NULL}};

static PyType_Slot kernel_slots[] = {{Py_tp_dealloc, DVF_FN(kernel_dealloc)},
                                     {Py_tp_members, kernel_members},
                                     {Py_tp_doc, "A prepared kernel of a device."},
                                     {0, NULL}};

static PyType_Spec kernel_spec = {"dovetail._fast.Kernel", sizeof(dvf_kernel), 0,
                                  Py_TPFLAGS_DEFAULT | Py_TPFLAGS_DISALLOW_INSTANTIATION,
                                  kernel_slots};

int dvf_kernel_init(PyObject *module) {
    dvf_kernel_type = (PyTypeObject *)PyType_FromSpec(&kernel_spec);
    if (dvf_kernel_type == NULL) return -1;
    return PyModule_AddObjectRef(module, "Kernel", (PyObject *)dvf_kernel_type);
}

/* Operands that the kernel reads or writes in host memory, although its device has its own. */
static void place_on_host(const dvf_kernel *k, dvf_specs *in, dvf_specs *out) {
    const dvt_place host = {DVT_PLACE_CPU, 0};
    bool all = (k->row_flags & DVT_KERNEL_ON_HOST) != 0;
    for (uint32_t i = 0; i < in->count; i++)
        if (dvf_reads_host(k, i)) in->tensors[i].place = host;
    for (uint32_t i = 0; all && i < out->count; i++) out->tensors[i].place = host;
}

/* prepare(device, row, name, version, inputs, outputs, attributes, flags) -> Kernel, or the reason of
 * refusal as str */
PyObject *dvf_py_prepare(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *device, *name, *inputs, *outputs, *attributes;
    unsigned int row, version, flags;
    if (!PyArg_ParseTuple(args, "O!IUIOOOI", dvf_device_type, &device, &row, &name, &version,
                          &inputs, &outputs, &attributes, &flags))
        return NULL;
    dvf_device *d = (dvf_device *)device;
    if (row >= d->plugin->n_kernels) {
        PyErr_Format(PyExc_IndexError, "%U has no kernel row %u", d->name, row);
        return NULL;
    }
    const dvt_kernel_def *def = &d->plugin->kernels[row];
    dvf_specs in = {0}, out = {0};
    PyObject *result = NULL;
    dvf_kernel *k = PyObject_New(dvf_kernel, dvf_kernel_type);
    if (k == NULL) return NULL;
    memset((char *)k + sizeof(PyObject), 0, sizeof *k - sizeof(PyObject));
    k->device = (dvf_device *)Py_NewRef(device);
    k->op_name = Py_NewRef(name);
    k->row_flags = def->flags;
    k->host_inputs = def->host_inputs;
    if (dvf_specs_from_tuple(inputs, d, &in) < 0 || dvf_specs_from_tuple(outputs, d, &out) < 0 ||
        dvf_attrs_from_dict(attributes, &k->attrs) < 0)
        goto done;
    if (dvf_usable(d) < 0) goto done;
    bool on_host = (k->row_flags & DVT_KERNEL_ON_HOST) != 0;
    k->hosted = !d->host_visible && (on_host || k->host_inputs != 0);
    if (k->hosted) place_on_host(k, &in, &out);
    dvt_op op = {.struct_size = (uint32_t)sizeof op,
                 .flags = flags,
                 .name = PyUnicode_AsUTF8(name),
                 .version = version,
                 .n_inputs = in.count,
                 .n_outputs = out.count,
                 .n_attrs = k->attrs.count,
                 .inputs = in.pointers,
                 .outputs = out.pointers,
                 .attrs = k->attrs.items,
                 .device = d->handle,
                 .host = d->plugin->host};
    dvt_kernel_info info;
    dvt_error error;
    memset(&info, 0, sizeof info);
    info.struct_size = (uint32_t)sizeof info;
    dvf_error_clear(&error);
    dvf_destroy_fn destroy = NULL;
    dvt_status status = d->plugin->prepare_row(d->plugin, row, &op, &info, &destroy, &error);
    if (status == DVT_UNSUPPORTED) {
        result = dvf_plugin_text(info.reason, "no reason given");
        goto done;
    }
    if (status != DVT_OK) {
        dvf_raise_slot(status, &error, PyUnicode_AsUTF8(d->name), op.name, "prepare");
        goto done;
    }
    k->run = info.run;
    k->handle = info.kernel;
    if (info.kernel != NULL && destroy != NULL &&
        (k->made = dvf_made_kernel(d, info.kernel, destroy)) == NULL)
        goto done;
    if (dvf_check_kernel_info(&info, d, op.name) < 0) goto done;
    k->flags = info.flags;
    k->workspace_size = info.workspace_size;
    k->workspace_alignment = info.workspace_alignment != 0 ? info.workspace_alignment : 64;
    k->cost_ns = info.cost_ns;
    k->pace = dvf_pace_of(info.cost_ns);
    k->may_alias = info.may_alias;
    result = Py_NewRef((PyObject *)k);
done:
    dvf_specs_clear(&in);
    dvf_specs_clear(&out);
    Py_DECREF(k);
    return result;
}

/* Kept out of the way of calls that succeed. */
static __attribute__((noinline, cold)) int raise_run(dvf_kernel *k, dvt_status status,
                                                     const dvt_error *error) {
    dvf_failure failure = {.device = k->device, .status = status, .error = *error};
    return dvf_raise_failure(&failure, PyUnicode_AsUTF8(k->op_name), "run");
}

static __attribute__((noinline)) dvt_status call_timed(dvf_kernel *k, dvt_call *call,
                                                       dvt_error *error) {
    dvt_status status;
    int64_t start, end;
    DVF_BEGIN_CALL(k->device);
    start = dvf_now_ns();
    status = k->run(call, error);
    end = dvf_now_ns();
    DVF_END_CALL;
    dvf_pace_learn(&k->pace, end - start);
    return status;
}

static inline int call_kernel(dvf_kernel *k, dvt_call *call) {
    dvt_error error;
    dvf_error_clear(&error);
    dvt_status status;
    if (k->pace.hold) {
        status = k->run(call, &error);
    } else if (k->pace.trials > 0) {
        status = call_timed(k, call, &error);
    } else {
        DVF_BEGIN_CALL(k->device);
        status = k->run(call, &error);
        DVF_END_CALL;
    }
    return status == DVT_OK ? 0 : raise_run(k, status, &error);
}

int dvf_kernel_call(dvf_kernel *k, dvt_call *call) {
    return call_kernel(k, call);
}

int dvf_take_workspace(dvf_kernel *k, dvt_call *call, dvf_buffer **workspace) {
    dvf_device *d = k->device;
    *workspace = NULL;
    if (k->workspace_size == 0) return 0;
    uint64_t slack =
        d->opaque || k->workspace_alignment <= d->alignment ? 0 : k->workspace_alignment;
    *workspace = dvf_alloc(d, k->workspace_size + slack);
    if (*workspace == NULL) return -1;
    uintptr_t address = (uintptr_t)(*workspace)->data;
    if (slack > 0) address = (address + slack - 1) & ~(uintptr_t)(slack - 1);
    call->workspace = (void *)address;
    call->workspace_size = k->workspace_size;
    return 0;
}

int dvf_kernel_launch(dvf_kernel *k, const dvt_tensor *const *inputs, uint32_t n_inputs,
                      const dvt_tensor *const *outputs, uint32_t n_outputs) {
    dvf_device *d = k->device;
    dvf_buffer *workspace = NULL;
    dvt_call call = {.struct_size = (uint32_t)sizeof call,
                     .host = d->plugin->host,
                     .device = d->handle,
                     .kernel = k->handle,
                     .inputs = inputs,
                     .outputs = outputs,
                     .attrs = k->attrs.items,
                     .n_inputs = n_inputs,
                     .n_outputs = n_outputs,
                     .n_attrs = k->attrs.count};
    if (d->guarded | k->hosted) {
        if (dvf_usable(d) < 0) return -1;
        if (k->hosted) return dvf_launch_hosted(k, &call);
        call.stream = d->stream;
        call.tag = dvf_remember_op(d, k->op_name);
    }
    if (k->workspace_size > 0 && dvf_take_workspace(k, &call, &workspace) < 0) return -1;
    int result = call_kernel(k, &call);
    if (workspace != NULL) dvf_release(workspace);
    return result;
}
