/* The module dovetail._fast. */
#include "array_number.h"
#include "cache.h"
#include "call_key.h"
#include "fast.h"
#include "features.h"
#include "validate_python.h"
#include "record_module.h"

/* load_plugin(path) -> capsule */
static PyObject *py_load_plugin(PyObject *self, PyObject *path) {
    (void)self;
    const char *text = PyUnicode_AsUTF8(path);
    if (text == NULL) return NULL;
    dvf_plugin *plugin = NULL;
    dvt_error error;
    dvt_status status;
    dvf_error_clear(&error);
    Py_BEGIN_ALLOW_THREADS;
    status = dvf_load(text, &plugin, &error);
    Py_END_ALLOW_THREADS;
    if (status != DVT_OK || plugin == NULL) {
        PyErr_Format(dvf_PluginError, "%s", error.message);
        return NULL;
    }
    if (dvf_shut_down_later(plugin) < 0) return NULL;
    return PyCapsule_New(plugin, "dovetail.plugin", NULL); /* never unloaded */
}

/* plugin_address(capsule) -> address of the normalised dvt_plugin */
static PyObject *py_plugin_address(PyObject *self, PyObject *capsule) {
    (void)self;
    dvf_plugin *plugin = PyCapsule_GetPointer(capsule, "dovetail.plugin");
    return plugin != NULL ? PyLong_FromVoidPtr(&plugin->table) : NULL;
}

static PyObject *py_set_threads(PyObject *self, PyObject *count) {
    (void)self;
    unsigned long n = PyLong_AsUnsignedLong(count);
    if (n == (unsigned long)-1 && PyErr_Occurred()) return NULL;
    dvf_host_set_threads((uint32_t)n);
    Py_RETURN_NONE;
}

static PyMethodDef functions[] = {
    {"load_plugin", py_load_plugin, METH_O, "Load a device library; a capsule."},
    {"plugin_address", py_plugin_address, METH_O, "Address of a plugin's normalised table."},
    {"record_plugin", dvf_py_record_plugin, METH_VARARGS, "Record every call into a plugin."},
    {"host_address", dvf_py_host_address, METH_O, "Address of the host a plugin is given."},
    {"device_count", dvf_py_device_count, METH_O, "(count, reason) of a plugin."},
    {"open_device", dvf_py_open_device, METH_VARARGS, "open_device(plugin, ordinal, name)"},
    {"memory_stats", dvf_py_memory_stats, METH_O, "Bytes and allocations of a device."},
    {"memory_reset_peak", dvf_py_memory_reset_peak, METH_O, "Start the peak anew."},
    {"memory_trim", dvf_py_memory_trim, METH_O, "Give cached memory back."},
    {"from_dlpack", dvf_py_from_dlpack, METH_VARARGS, "An Array over a DLPack capsule."},
    {"cpu_features", dvf_py_cpu_features, METH_NOARGS, "Feature words the OS enables."},
    {"set_threads", py_set_threads, METH_O, "Threads of the pool."},
    {"drain_log", dvf_py_drain_log, METH_NOARGS, "Lines that plugins logged."},
    {"set_dtypes", dvf_set_dtypes, METH_O, "The DType objects, in order."},
    {"set_operators", dvf_py_set_operators, METH_O, "Functions behind operators and protocols."},
    {"set_hooks", dvf_py_set_hooks, METH_O, "Python halves of dispatch."},
    {"set_device", dvf_py_set_device, METH_O, "This thread's device for new arrays."},
    {"get_fallback", dvf_py_get_fallback, METH_NOARGS, "This thread's choice, 0 for none."},
    {"set_fallback", dvf_py_set_fallback, METH_O, "Set it; the previous one."},
    {"get_device", dvf_py_get_device, METH_NOARGS, "This thread's device for new arrays."},
    {"trace_depth", dvf_py_trace_depth, METH_O, "Enter (+1) or leave (-1) a trace."},
    {"prepare", dvf_py_prepare, METH_VARARGS, "Ask a kernel row for a kernel."},
    {"host_kernel", dvf_py_host_kernel, METH_VARARGS, "A kernel that calls a Python function."},
    {"control_kernel", dvf_py_control_kernel, METH_VARARGS, "A kernel that loops or chooses."},
    {"clear_cache", dvf_py_clear_cache, METH_NOARGS, "Forget every resolution."},
    {"cache_size", dvf_py_cache_size, METH_NOARGS, "Number of cached resolutions."},
    {NULL, NULL, 0, NULL}};

static struct PyModuleDef definition = {PyModuleDef_HEAD_INIT,
                                        "dovetail._fast",
                                        "The hot path: arrays, dispatch, tapes and plans.",
                                        -1,
                                        functions,
                                        NULL,
                                        NULL,
                                        NULL,
                                        NULL};

PyMODINIT_FUNC PyInit__fast(void) {
    if (dvf_host_init() < 0) {
        PyErr_SetString(PyExc_MemoryError, "no memory for the host table");
        return NULL;
    }
    PyObject *module = PyModule_Create(&definition);
    if (module == NULL) return NULL;
    if (dvf_errors_init() < 0 || dvf_device_init(module) < 0 || dvf_array_init(module) < 0 ||
        dvf_interchange_init(module) < 0 || dvf_kernel_init(module) < 0 ||
        dvf_op_init(module) < 0 || dvf_tape_init(module) < 0 || dvf_tree_init(module) < 0 ||
        dvf_plan_init(module) < 0 || dvf_jit_init(module) < 0 || dvf_validation_init(module) < 0) {
        Py_DECREF(module);
        return NULL;
    }
    return module;
}
