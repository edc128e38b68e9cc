/* The Python error classes the hot path raises. */
#include "fast.h"

#include <string.h>

PyObject *dvf_DeviceError, *dvf_OpError, *dvf_OutOfMemoryError, *dvf_DonatedError, *dvf_TraceError,
    *dvf_PluginError;

int dvf_errors_init(void) {
    PyObject *module = PyImport_ImportModule("dovetail.errors");
    if (module == NULL) return -1;
    const struct {
        const char *name;
        PyObject **slot;
    } wanted[] = {{"DeviceError", &dvf_DeviceError},
                  {"OpError", &dvf_OpError},
                  {"OutOfMemoryError", &dvf_OutOfMemoryError},
                  {"DonatedError", &dvf_DonatedError},
                  {"TraceError", &dvf_TraceError},
                  {"PluginError", &dvf_PluginError}};
    for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++) {
        *wanted[i].slot = PyObject_GetAttrString(module, wanted[i].name);
        if (*wanted[i].slot == NULL) {
            Py_DECREF(module);
            return -1;
        }
    }
    Py_DECREF(module);
    return 0;
}

PyObject *dvf_raise(dvt_status status, const dvt_error *error, const char *device,
                    const char *what) {
    const char *text = error->message[0] != '\0' ? error->message : "the device gave no reason";
    PyObject *kind = dvf_DeviceError;
    if (status == DVT_INVALID_ARGUMENT) kind = dvf_OpError;
    if (status == DVT_OUT_OF_MEMORY) kind = dvf_OutOfMemoryError;
    PyObject *message = PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
    if (message == NULL) return NULL;
    if (error->native_code != 0) {
        PyErr_Format(kind, "%s on %s: %U (status %d, driver code %lld)", what, device, message,
                     (int)status, (long long)error->native_code);
    } else {
        PyErr_Format(kind, "%s on %s: %U (status %d)", what, device, message, (int)status);
    }
    Py_DECREF(message);
    return NULL;
}
