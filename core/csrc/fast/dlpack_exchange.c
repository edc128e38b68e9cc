/* DLPack's C exchange table (1.3): what libraries in C and C++ use instead of the Python protocol, to
 * read arrays as arguments and to make their results. */
#include <stdlib.h>

#include "dlpack.h"

typedef void (*set_error_fn)(void *context, const char *kind, const char *message);

/* DLPackExchangeAPI, with its header. */
typedef struct exchange_api {
    struct {
        uint32_t major, minor;
        struct exchange_api *older;
    } header;
    int (*allocate)(dvt_tensor *prototype, dvf_managed_versioned **out, void *context,
                    set_error_fn set_error);
    int (*from_object)(void *object, dvf_managed_versioned **out);
    int (*to_object)(dvf_managed_versioned *tensor, void **out);
    int (*view_object)(void *object, dvt_tensor *out);
    int (*current_stream)(int32_t type, int32_t id, void **out);
} exchange_api;

/* The pending exception by the caller's function, which may not know Python. */
static void report(void *context, set_error_fn set_error) {
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    PyErr_NormalizeException(&type, &value, &trace);
    PyObject *text = value != NULL ? PyObject_Str(value) : NULL;
    const char *words = text != NULL ? PyUnicode_AsUTF8(text) : NULL;
    const char *kind = PyErr_GivenExceptionMatches(type, PyExc_MemoryError)   ? "MemoryError"
                       : PyErr_GivenExceptionMatches(type, PyExc_BufferError) ? "BufferError"
                                                                              : "RuntimeError";
    set_error(context, kind, words != NULL ? words : "the array could not be allocated");
    PyErr_Clear();
    Py_XDECREF(text);
    Py_XDECREF(type);
    Py_XDECREF(value);
    Py_XDECREF(trace);
}

static dvf_managed_versioned *allocated(const dvt_tensor *prototype) {
    int dtype = dvf_dtype_from_abi(prototype->dtype);
    if (dtype < 0 || prototype->ndim < 0 || prototype->ndim > DVF_MAX_NDIM) {
        PyErr_Format(PyExc_BufferError,
                     "the DLPack type (code %d, %d bits, %d lanes, %d axes) has no Dovetail dtype",
                     prototype->dtype.code, prototype->dtype.bits, prototype->dtype.lanes,
                     prototype->ndim);
        return NULL;
    }
    int64_t bytes = dvf_dtypes[dtype].itemsize;
    for (int i = 0; i < prototype->ndim; i++) {
        if (prototype->shape[i] < 0 || __builtin_mul_overflow(bytes, prototype->shape[i], &bytes)) {
            PyErr_SetString(PyExc_BufferError, "the shape is negative or too large for any memory");
            return NULL;
        }
    }
    dvf_device *device = dvf_dlpack_home(prototype->place);
    if (device == NULL) return NULL;
    dvf_array *a = dvf_array_empty(device, dtype, prototype->ndim, prototype->shape);
    if (a == NULL) return NULL;
    dvf_managed_versioned *m = dvf_dlpack_manage(a, 0);
    Py_DECREF(a);
    return m;
}

/* Memory for a result of the caller's, who fills it before anybody sees it as an array. */
static int allocate(dvt_tensor *prototype, dvf_managed_versioned **out, void *context,
                    set_error_fn set_error) {
    PyGILState_STATE state = PyGILState_Ensure();
    *out = allocated(prototype);
    if (*out == NULL) report(context, set_error);
    PyGILState_Release(state);
    return *out != NULL ? 0 : -1;
}

static int is_array(void *object) {
    if (object != NULL && dvf_is_array((PyObject *)object)) return 1;
    PyErr_SetString(PyExc_TypeError, "this exchange table is the one of dovetail.Array");
    return 0;
}

static int from_object(void *object, dvf_managed_versioned **out) {
    *out = is_array(object) ? dvf_dlpack_manage(object, DVF_DLPACK_READ_ONLY) : NULL;
    return *out != NULL ? 0 : -1;
}

static int to_object(dvf_managed_versioned *tensor, void **out) {
    *out = NULL;
    if (tensor->major == DVF_DLPACK_MAJOR) {
        dvf_device *device = dvf_dlpack_home(tensor->tensor.place);
        if (device != NULL) *out = dvf_dlpack_adopt(tensor, device);
    } else {
        PyErr_Format(PyExc_BufferError, "the tensor is of DLPack %u, Dovetail speaks %u",
                     tensor->major, DVF_DLPACK_MAJOR);
    }
    if (*out != NULL) return 0;
    /* The caller gave the tensor away, whatever becomes of it. */
    PyObject *type, *value, *trace;
    PyErr_Fetch(&type, &value, &trace);
    if (tensor->deleter != NULL) tensor->deleter(tensor);
    PyErr_Restore(type, value, trace);
    return -1;
}

static int view_object(void *object, dvt_tensor *out) {
    return is_array(object) ? dvf_dlpack_describe(object, out) : -1;
}

/* Exports have waited for their device, so that work on its default stream is in order. */
static int current_stream(int32_t type, int32_t id, void **out) {
    (void)type;
    (void)id;
    *out = NULL;
    return 0;
}

static exchange_api table = {{DVF_DLPACK_MAJOR, DVF_DLPACK_MINOR, NULL},
                             allocate,
                             from_object,
                             to_object,
                             view_object,
                             current_stream};

int dvf_dlpack_exchange_init(void) {
    PyObject *capsule = PyCapsule_New(&table, "dlpack_exchange_api", NULL);
    if (capsule == NULL) return -1;
    int failed =
        PyObject_SetAttrString((PyObject *)dvf_array_type, "__dlpack_c_exchange_api__", capsule);
    Py_DECREF(capsule);
    return failed;
}
