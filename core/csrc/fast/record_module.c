/* Recording from Python: dovetail.backends puts the layer on, dovetail.replay_calls needs the host. */
#include "fast.h"
#include "record.h"
#include "record_module.h"

#include <string.h>

/* record_plugin(capsule, pattern, data, limit, operand_limit) -> the name of the file */
PyObject *dvf_py_record_plugin(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *capsule;
    const char *pattern, *data, *path = NULL;
    unsigned long long limit, operand_limit;
    if (!PyArg_ParseTuple(args, "OssKK", &capsule, &pattern, &data, &limit, &operand_limit))
        return NULL;
    dvf_plugin *plugin = PyCapsule_GetPointer(capsule, "dovetail.plugin");
    if (plugin == NULL) return NULL;
    int kind = strcmp(data, "full") == 0   ? DVF_RECORD_FULL
               : strcmp(data, "hash") == 0 ? DVF_RECORD_HASH
               : strcmp(data, "none") == 0 ? DVF_RECORD_NONE
                                           : -1;
    if (kind < 0) {
        PyErr_Format(PyExc_ValueError, "data to record are full, hash or none, not %s", data);
        return NULL;
    }
    dvt_error error;
    dvf_error_clear(&error);
    if (dvf_record_plugin(plugin, pattern, kind, limit, operand_limit, &path, &error) != DVT_OK) {
        PyErr_Format(dvf_PluginError, "%s", error.message);
        return NULL;
    }
    return PyUnicode_DecodeFSDefault(path);
}

/* host_address(capsule) -> address of the dvt_host that calls into this plugin are given */
PyObject *dvf_py_host_address(PyObject *self, PyObject *capsule) {
    (void)self;
    dvf_plugin *plugin = PyCapsule_GetPointer(capsule, "dovetail.plugin");
    return plugin != NULL ? PyLong_FromVoidPtr((void *)(uintptr_t)plugin->host) : NULL;
}
