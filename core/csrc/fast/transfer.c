/* Every copy of the core: between host and device, within a device, between two of one plugin, and
 * between two plugins, of which neither ever sees a handle of the other. */
#include "transfer.h"

#include <string.h>

/* The same view in plain host memory. */
static dvt_tensor on_host(const dvt_tensor *view) {
    dvt_tensor host = *view;
    host.place = (dvt_place){DVT_PLACE_CPU, 0};
    return host;
}

/* ---- one device ---------------------------------------------------------------------------------- */

/* Show the host what a view covers; `desc` is for unmap. */
static bool map_view(dvf_device *d, const dvt_tensor *view, uint32_t flags, dvt_map_desc *desc,
                     dvt_tensor *mapped, dvf_failure *f) {
    uint64_t first, end;
    void *address = NULL;
    dvf_view_span(view, &first, &end);
    if (end - first != dvf_view_bytes(view))
        flags |= DVT_MAP_READ; /* what lies between its elements stays */
    *desc = (dvt_map_desc){.struct_size = (uint32_t)sizeof *desc,
                           .flags = flags,
                           .data = view->data,
                           .offset = first,
                           .size = end - first};
    dvt_status status = d->plugin->device.map(d->handle, desc, &address, &f->error);
    if (status == DVT_OK && address == NULL)
        status = dvt_set_error(&f->error, DVT_INTERNAL, "its map returned DVT_OK and no address");
    if (status != DVT_OK) return dvf_failed(f, d, status);
    *mapped = on_host(view);
    mapped->data = address;
    mapped->byte_offset = view->byte_offset - first;
    return true;
}

/* Without a copy slot, the host copies when the device's work is done: it can address the memory, or map
 * it. */
static bool copy_by_host(dvf_device *d, const dvt_tensor *source, bool own_source,
                         const dvt_tensor *destination, bool own_destination, dvf_failure *f) {
    if (!dvf_wait(d, f)) return false;
    if (d->host_memory) {
        dvf_host_copy(source, destination);
        return true;
    }
    dvt_map_desc read, write;
    dvt_tensor from = *source, to = *destination;
    if (own_source && !map_view(d, source, DVT_MAP_READ, &read, &from, f)) return false;
    bool mapped = !own_destination || map_view(d, destination, DVT_MAP_WRITE, &write, &to, f);
    if (mapped) dvf_host_copy(&from, &to);
    dvt_error ignored,
        *error = mapped ? &f->error : &ignored; /* the first failure is the one told */
    dvf_error_clear(error);
    dvt_status status = DVT_OK;
    if (own_source) status = d->plugin->device.unmap(d->handle, &read, error);
    if (own_destination && mapped && status == DVT_OK)
        status = d->plugin->device.unmap(d->handle, &write, error);
    if (!mapped) return false;
    return status == DVT_OK || dvf_failed(f, d, status);
}

bool dvf_enqueue_copy(dvf_device *d, const dvt_tensor *source, bool own_source,
                      const dvt_tensor *destination, bool own_destination, const char *what,
                      dvf_failure *f) {
    f->late = false;
    dvf_error_clear(&f->error);
    if (d->plugin->device.copy == NULL)
        return copy_by_host(d, source, own_source, destination, own_destination, f);
    dvt_copy copy = {.struct_size = (uint32_t)sizeof copy,
                     .source = source,
                     .destination = destination,
                     .source_device = own_source ? d->handle : NULL,
                     .destination_device = own_destination ? d->handle : NULL,
                     .stream = d->stream,
                     .tag = dvf_remember(d, what)};
    dvt_status status = d->plugin->device.copy(d->handle, &copy, &f->error);
    return status == DVT_OK || dvf_failed(f, d, status);
}

/* Between a device and the host; done on return, since the host's memory is the caller's. */
static bool with_host(dvf_device *d, const dvt_tensor *source, bool own_source,
                      const dvt_tensor *destination, const char *what, dvf_failure *f) {
    dvt_tensor host = on_host(own_source ? destination : source);
    bool well = own_source ? dvf_enqueue_copy(d, source, true, &host, false, what, f)
                           : dvf_enqueue_copy(d, &host, false, destination, true, what, f);
    if (well) return dvf_wait(d, f);
    dvf_wait_silently(d); /* part of it may be under way */
    return false;
}

/* ---- two devices --------------------------------------------------------------------------------- */

/* Two of one plugin: one descriptor on the receiver's stream, after what the sender's stream has, and
 * before what comes next there, since the source's memory may be handed out again. */
static bool between_ordinals(const dvt_tensor *source, dvf_device *from,
                             const dvt_tensor *destination, dvf_device *to, const char *what,
                             dvf_failure *f) {
    const dvt_device_api *api = &to->plugin->device;
    if (api->copy == NULL) return dvf_failed(f, to, DVT_UNSUPPORTED);
    if (!dvf_order(from, to, f)) return false;
    dvt_copy copy = {.struct_size = (uint32_t)sizeof copy,
                     .source = source,
                     .destination = destination,
                     .source_device = from->handle,
                     .destination_device = to->handle,
                     .stream = to->stream,
                     .tag = dvf_remember(to, what)};
    dvf_error_clear(&f->error);
    dvt_status status = api->copy(to->handle, &copy, &f->error);
    f->late = false;
    if (status != DVT_OK) return dvf_failed(f, to, status);
    return dvf_order(to, from, f);
}

/* The receiver reads the sender's memory where it lies, if it can. */
static bool by_import(const dvt_tensor *source, dvf_device *from, const dvt_tensor *destination,
                      dvf_device *to, const char *what, dvf_failure *f) {
    const dvt_device_api *api = &to->plugin->device;
    if (api->import_memory == NULL || source->place.type == DVT_PLACE_EXTENSION)
        return dvf_failed(f, to, DVT_UNSUPPORTED);
    if (!dvf_wait(from, f)) return false;
    uint64_t first, end;
    dvf_view_span(source, &first, &end);
    dvt_alloc_desc desc = {.struct_size = (uint32_t)sizeof desc,
                           .size = end,
                           .stream = to->stream,
                           .data = source->data,
                           .place = source->place};
    dvt_tensor imported = *source;
    imported.data = NULL;
    imported.place = to->place;
    dvf_error_clear(&f->error);
    dvt_status status = api->import_memory(to->handle, &desc, &imported.data, &f->error);
    f->late = false;
    if (status == DVT_OK && imported.data == NULL)
        status = dvt_set_error(&f->error, DVT_INTERNAL,
                               "its import_memory returned DVT_OK and no memory");
    if (status != DVT_OK) return dvf_failed(f, to, status);
    bool well = dvf_enqueue_copy(to, &imported, true, destination, true, what, f);
    /* The sender may use its memory again as soon as this returns. */
    if (well)
        well = dvf_wait(to, f);
    else
        dvf_wait_silently(to);
    desc.data = imported.data;
    if (api->unimport_memory != NULL) api->unimport_memory(to->handle, &desc);
    return well;
}

/* Through host memory: two descriptors, each with one plugin's device alone. */
static bool through_host(const dvt_tensor *source, dvf_device *from, const dvt_tensor *destination,
                         dvf_device *to, const char *what, dvf_failure *f) {
    int64_t strides[DVF_MAX_NDIM];
    dvf_row_strides(source, strides);
    uint64_t size = dvf_view_bytes(source);
    const dvt_host *host = dvf_host();
    dvt_tensor staged = on_host(source);
    staged.strides = strides;
    staged.byte_offset = 0;
    staged.data = host->host_alloc(host, size, 64);
    if (staged.data == NULL) {
        f->late = false;
        dvf_error_clear(&f->error);
        return dvf_failed(f, to,
                          dvt_set_error(&f->error, DVT_OUT_OF_MEMORY,
                                        "the host has no memory to pass the array through"));
    }
    bool well = with_host(from, source, true, &staged, what, f) &&
                with_host(to, &staged, false, destination, what, f);
    host->host_free(host, staged.data, size);
    return well;
}

/* ---- any two places ------------------------------------------------------------------------------ */

bool dvf_copy(const dvt_tensor *source, dvf_device *from, const dvt_tensor *destination,
              dvf_device *to, const char *what, dvf_failure *f) {
    if (from != NULL && from->host_visible) from = NULL;
    if (to != NULL && to->host_visible) to = NULL;
    if (from == NULL && to == NULL) {
        dvf_host_copy(source, destination);
        return true;
    }
    if (from == to) return dvf_enqueue_copy(to, source, true, destination, true, what, f);
    if (from == NULL) return with_host(to, source, false, destination, what, f);
    if (to == NULL) return with_host(from, source, true, destination, what, f);
    if (from->plugin == to->plugin) {
        if (between_ordinals(source, from, destination, to, what, f)) return true;
        if (f->status != DVT_UNSUPPORTED) return false;
    }
    if (from->host_memory) /* what the host can address is plain memory to the other plugin */
        return dvf_wait(from, f) && with_host(to, source, false, destination, what, f);
    if (to->host_memory)
        return dvf_wait(to, f) && with_host(from, source, true, destination, what, f);
    if (from->plugin != to->plugin) {
        if (by_import(source, from, destination, to, what, f)) return true;
        if (f->status != DVT_UNSUPPORTED) return false;
    }
    return through_host(source, from, destination, to, what, f);
}

int dvf_copy_or_raise(const dvt_tensor *source, dvf_device *from, const dvt_tensor *destination,
                      dvf_device *to, const char *what) {
    dvf_device *ends[2] = {from, to};
    for (int i = 0; i < 2; i++) {
        if (ends[i] == NULL) continue;
        if (dvf_usable(ends[i]) < 0) return -1;
    }
    dvf_failure failure;
    bool well;
    for (int i = 0; i < 2; i++)
        if (ends[i] != NULL) ends[i]->in_flight++;
    Py_BEGIN_ALLOW_THREADS;
    well = dvf_copy(source, from, destination, to, what, &failure);
    Py_END_ALLOW_THREADS;
    for (int i = 0; i < 2; i++)
        if (ends[i] != NULL) ends[i]->in_flight--;
    return well ? 0 : dvf_raise_failure(&failure, what, "copy");
}

int dvf_copy_to_host(dvf_array *a, void *destination) {
    dvt_tensor host = a->view;
    int64_t strides[DVF_MAX_NDIM];
    dvf_row_strides(&a->view, strides);
    host.data = destination;
    host.byte_offset = 0;
    host.strides = strides;
    return dvf_copy_or_raise(&a->view, a->device, &host, NULL, "copy to the host");
}

int dvf_write_element(dvf_array *a, const void *element) {
    dvf_device *d = a->device;
    if (d->queue != NULL &&
        d->plugin->device.fill != NULL) { /* reads the element during the call */
        if (dvf_usable(d) < 0) return -1;
        dvf_failure f = {.device = d};
        dvf_error_clear(&f.error);
        dvt_fill fill = {.struct_size = (uint32_t)sizeof fill,
                         .destination = &a->view,
                         .pattern = element,
                         .stream = d->stream,
                         .tag = dvf_remember(d, "fill with a scalar")};
        f.status = d->plugin->device.fill(d->handle, &fill, &f.error);
        if (f.status == DVT_OK) {
            dvf_wrote(a);
            return 0;
        }
        if (f.status != DVT_UNSUPPORTED) return dvf_raise_failure(&f, "fill with a scalar", "fill");
    }
    dvt_tensor host = a->view;
    host.data = (void *)(uintptr_t)element;
    host.byte_offset = 0;
    return dvf_copy_or_raise(&host, NULL, &a->view, d, "copy of a scalar");
}

/* ---- for Python ---------------------------------------------------------------------------------- */

/* transfer(array, device) -> Array there: shared between host-visible devices, else copied. */
static PyObject *py_transfer(PyObject *self, PyObject *args) {
    (void)self;
    PyObject *object, *device;
    if (!PyArg_ParseTuple(args, "O!O!", dvf_array_type, &object, dvf_device_type, &device))
        return NULL;
    dvf_array *a = (dvf_array *)object;
    dvf_device *to = (dvf_device *)device, *from = a->device;
    if (dvf_array_check(a) < 0) return NULL;
    if (from == to) return (PyObject *)dvf_array_alias(a);
    if (from->host_visible && to->host_visible) {
        dvf_array *b = dvf_array_alias(a); /* immutable storage may be shared */
        if (b != NULL) {
            b->device = to;
            b->view.place = to->place;
        }
        return (PyObject *)b;
    }
    if (dvf_usable(from) < 0) return NULL;
    dvf_array *b = dvf_array_empty(to, a->dtype, a->view.ndim, a->view.shape);
    if (b == NULL || dvf_array_size(a) == 0) return (PyObject *)b;
    char what[96];
    PyOS_snprintf(what, sizeof what, "copy from %.36s to %.36s", PyUnicode_AsUTF8(from->name),
                  PyUnicode_AsUTF8(to->name));
    if (dvf_copy_or_raise(&a->view, from, &b->view, to, what) < 0) {
        Py_DECREF(b);
        return NULL;
    }
    dvf_wrote(b);
    return (PyObject *)b;
}

/* lay_out(array) -> a contiguous copy made by the device's own copy slot, for devices that have memory of
 * their own and no copy kernel. */
static PyObject *py_lay_out(PyObject *self, PyObject *object) {
    (void)self;
    if (!dvf_is_array(object) || dvf_array_check((dvf_array *)object) < 0) {
        if (!PyErr_Occurred()) PyErr_SetString(PyExc_TypeError, "lay_out needs an Array");
        return NULL;
    }
    dvf_array *a = (dvf_array *)object;
    dvf_array *b = dvf_array_empty(a->device, a->dtype, a->view.ndim, a->view.shape);
    if (b == NULL || dvf_array_size(a) == 0) return (PyObject *)b;
    if (dvf_copy_or_raise(&a->view, a->device, &b->view, a->device, "copy to contiguous memory") <
        0) {
        Py_DECREF(b);
        return NULL;
    }
    dvf_wrote(b);
    return (PyObject *)b;
}

static PyMethodDef functions[] = {
    {"lay_out", py_lay_out, METH_O, "A contiguous copy by the device's copy slot."},
    {"transfer", py_transfer, METH_VARARGS, "The array on another device."},
    {NULL, NULL, 0, NULL}};

int dvf_transfer_init(PyObject *module) {
    if (dvf_stream_init() < 0) return -1;
    return PyModule_AddFunctions(module, functions);
}
