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

static const char *status_name(dvt_status status) {
    switch (status) {
    case DVT_UNSUPPORTED:
        return "DVT_UNSUPPORTED";
    case DVT_PENDING:
        return "DVT_PENDING";
    case DVT_INVALID_ARGUMENT:
        return "DVT_INVALID_ARGUMENT";
    case DVT_OUT_OF_MEMORY:
        return "DVT_OUT_OF_MEMORY";
    case DVT_INTERNAL:
        return "DVT_INTERNAL";
    case DVT_DEVICE_LOST:
        return "DVT_DEVICE_LOST";
    case DVT_CANCELLED:
        return "DVT_CANCELLED";
    case DVT_INCOMPATIBLE:
        return "DVT_INCOMPATIBLE";
    case DVT_TIMEOUT:
        return "DVT_TIMEOUT";
    case DVT_IO:
        return "DVT_IO";
    default:
        return "which dovetail.h does not define";
    }
}

PyObject *dvf_raise_slot(dvt_status status, const dvt_error *error, const char *device,
                         const char *what, const char *slot) {
    PyObject *kind = dvf_DeviceError;
    if (status == DVT_INVALID_ARGUMENT) kind = dvf_OpError;
    if (status == DVT_OUT_OF_MEMORY) kind = dvf_OutOfMemoryError;
    /* The text may lack its end: a plugin writes it. */
    size_t length = strnlen(error->message, sizeof error->message);
    if (length == 0)
        return PyErr_Format(kind,
                            "%s on %s: its %s failed and gave no reason (status %d, %s); ask the "
                            "plugin's maker for a text",
                            what, device, slot, (int)status, status_name(status));
    PyObject *message = PyUnicode_DecodeUTF8(error->message, (Py_ssize_t)length, "replace");
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
