/* One stream per device: creation, tags and what they stand for, waiting, order between devices. */
#include "stream.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answers.h"

#define FEWEST 256u  /* calls whose names are kept; grows while more are under way */
#define MOST 65536u  /* powers of two */
#define KEPT_MOST 64 /* events and host memory that wait for a sync */

typedef struct remembered {
    uint64_t tag;
    char what[184];
} remembered;

/* What can be let go once the stream has been waited for. */
typedef struct kept {
    struct kept *next;
    dvf_device *source; /* of an event: the device whose work this stream waited for */
    dvt_event *event;
    void *data;
    uint64_t size;
} kept;

struct dvf_queue {
    pthread_mutex_t lock; /* of all that follows */
    uint64_t tag;         /* of the last call */
    uint64_t done;        /* calls up to this one were waited for */
    kept *kept;
    uint32_t n_kept;
    dvf_failure *untold; /* found where nothing could be raised */
    uint32_t room;
    remembered *ring;
};

/* ---- life ---------------------------------------------------------------------------------------- */

static dvt_status create(dvf_device *d, dvt_error *error) {
    dvt_stream_desc desc = {.struct_size = (uint32_t)sizeof desc};
    dvf_error_clear(error);
    dvt_status status = d->plugin->device.stream_create(d->handle, &desc, &d->stream, error);
    if (status == DVT_OK && d->stream == NULL)
        return dvt_set_error(error, DVT_INTERNAL, "stream_create returned DVT_OK and no stream");
    if (status != DVT_OK) d->stream = NULL;
    return status;
}

int dvf_stream_open(dvf_device *d) {
    const dvt_device_api *api = &d->plugin->device;
    if (!d->plugin->has_device || api->stream_create == NULL || api->stream_sync == NULL) return 0;
    dvt_error error;
    dvt_status status = create(d, &error);
    if (status == DVT_UNSUPPORTED) return 0; /* synchronous after all */
    if (status != DVT_OK) {
        dvf_raise_slot(status, &error, PyUnicode_AsUTF8(d->name), "opening", "stream_create");
        return -1;
    }
    d->queue = calloc(1, sizeof *d->queue);
    if (d->queue != NULL) d->queue->ring = calloc(FEWEST, sizeof *d->queue->ring);
    if (d->queue == NULL || d->queue->ring == NULL) {
        dvf_stream_close(d);
        free(d->queue);
        d->queue = NULL;
        PyErr_NoMemory();
        return -1;
    }
    d->queue->room = FEWEST;
    pthread_mutex_init(&d->queue->lock, NULL);
    d->guarded = true;
    return 0;
}

void dvf_stream_close(dvf_device *d) {
    if (d->stream != NULL && d->plugin->device.stream_destroy != NULL)
        d->plugin->device.stream_destroy(d->stream);
    d->stream = NULL; /* the queue stays: what it remembers may still be asked for */
}

int dvf_stream_after_fork(dvf_device *d) {
    if (d->queue == NULL) return 0;
    /* The blocks that the allocator keeps are memory of the parent's. */
    memset(d->free_lists, 0, sizeof d->free_lists);
    d->cached_bytes = 0;
    dvt_error error;
    pthread_mutex_init(&d->queue->lock, NULL); /* the parent's may be held by a thread not here */
    d->queue->kept = NULL;                     /* the parent lets go of it */
    d->queue->n_kept = 0;
    return create(d, &error) == DVT_OK ? 0 : -1;
}

/* ---- tags ---------------------------------------------------------------------------------------- */

/* Copy text into an entry, cut at a character. */
static void write_what(char *to, size_t room, const char *text) {
    size_t n = strnlen(text, room);
    if (n == room) {
        n--;
        while (n > 0 && ((unsigned char)text[n] & 0xC0u) == 0x80u) n--;
    }
    memcpy(to, text, n);
    to[n] = '\0';
}

/* Twice the room; where there is no memory for it, the oldest names go. */
static void grow(struct dvf_queue *q) {
    remembered *ring = calloc(2 * (size_t)q->room, sizeof *ring);
    if (ring == NULL) return;
    for (uint32_t i = 0; i < q->room; i++)
        if (q->ring[i].tag != 0) ring[q->ring[i].tag % (2 * q->room)] = q->ring[i];
    free(q->ring);
    q->ring = ring;
    q->room *= 2;
}

uint64_t dvf_remember(dvf_device *d, const char *what) {
    struct dvf_queue *q = d->queue;
    if (q == NULL) return 0;
    pthread_mutex_lock(&q->lock);
    uint64_t tag = ++q->tag;
    if (q->ring[tag % q->room].tag > q->done && q->room < MOST) grow(q);
    remembered *r = &q->ring[tag % q->room];
    r->tag = tag;
    write_what(r->what, sizeof r->what, what);
    pthread_mutex_unlock(&q->lock);
    return tag;
}

uint64_t dvf_newest_tag(dvf_device *d) {
    if (d->queue == NULL) return 0;
    pthread_mutex_lock(&d->queue->lock);
    uint64_t tag = d->queue->tag;
    pthread_mutex_unlock(&d->queue->lock);
    return tag;
}

/* What a tag stands for; `what` has the room of an entry. */
static void recall(dvf_device *d, uint64_t tag, char *what, size_t room) {
    struct dvf_queue *q = d->queue;
    const char *text = "a call made earlier";
    if (q != NULL) {
        pthread_mutex_lock(&q->lock);
        const remembered *r = &q->ring[tag % q->room];
        if (tag != 0 && r->tag == tag) text = r->what;
        write_what(what, room, text);
        pthread_mutex_unlock(&q->lock);
        return;
    }
    write_what(what, room, text);
}

static char package[1024]; /* where our own Python files lie, with a slash at the end */
static size_t package_length;

int dvf_stream_init(void) {
    PyObject *module = PyImport_ImportModule("dovetail.errors");
    PyObject *file = module != NULL ? PyObject_GetAttrString(module, "__file__") : NULL;
    const char *path = file != NULL ? PyUnicode_AsUTF8(file) : NULL;
    const char *end = path != NULL ? strrchr(path, '/') : NULL;
    if (end != NULL && (size_t)(end - path) + 2 < sizeof package) {
        package_length = (size_t)(end - path) + 1;
        memcpy(package, path, package_length);
    }
    Py_XDECREF(file);
    Py_XDECREF(module);
    return PyErr_Occurred() ? -1 : 0;
}

/* As in trace.py: the demo is written as a user would write it. */
static bool ours(const char *file) {
    return package_length > 0 && strncmp(file, package, package_length) == 0 &&
           strncmp(file + package_length, "demo", 4) != 0;
}

uint64_t dvf_remember_op(dvf_device *d, PyObject *name) {
    if (d->queue == NULL) return 0;
    char text[sizeof d->queue->ring[0].what];
    const char *op = PyUnicode_AsUTF8(name);
    if (op == NULL) PyErr_Clear();
    snprintf(text, sizeof text, "%s", op != NULL ? op : "an op");
    PyFrameObject *frame = PyThreadState_GetFrame(PyThreadState_Get());
    while (frame != NULL) {
        PyCodeObject *code = PyFrame_GetCode(frame);
        const char *file = PyUnicode_AsUTF8(code->co_filename);
        bool found = file != NULL && !ours(file);
        if (found) {
            const char *function = PyUnicode_AsUTF8(code->co_name);
            const char *slash = strrchr(file, '/');
            snprintf(text, sizeof text, "%s at %s:%d in %s", op != NULL ? op : "an op",
                     slash != NULL ? slash + 1 : file, PyFrame_GetLineNumber(frame),
                     function != NULL ? function : "?");
        }
        Py_DECREF(code);
        PyFrameObject *back = found ? NULL : PyFrame_GetBack(frame);
        Py_DECREF(frame);
        frame = back;
    }
    PyErr_Clear(); /* names that are no UTF-8 are left out */
    return dvf_remember(d, text);
}

/* ---- waiting ------------------------------------------------------------------------------------- */

static void let_go(dvf_device *d, kept *one) {
    if (one->event != NULL && dvf_alive(one->source) &&
        one->source->plugin->device.event_destroy != NULL)
        one->source->plugin->device.event_destroy(one->event);
    if (one->data != NULL) d->plugin->host->host_free(d->plugin->host, one->data, one->size);
    free(one);
}

/* What is told first: a cause before what was cancelled for it, else what was found first. */
static void add_failure(dvf_failure *first, bool *well, const dvf_failure *found) {
    if (*well || (first->status == DVT_CANCELLED && found->status != DVT_CANCELLED))
        *first = *found;
    *well = false;
}

static bool sync_one(dvf_device *d, dvf_failure *failure) {
    dvf_error_clear(&failure->error);
    dvt_status status = d->plugin->device.stream_sync(d->stream, &failure->error);
    if (status >= 0) return true;
    failure->late = true;
    return dvf_failed(failure, d, status);
}

bool dvf_wait(dvf_device *d, dvf_failure *failure) {
    struct dvf_queue *q = d->queue;
    if (q == NULL || d->stream == NULL || !dvf_alive(d)) return true;
    pthread_mutex_lock(&q->lock);
    kept *list = q->kept;
    dvf_failure *untold = q->untold;
    uint64_t tag = q->tag, unsettled = q->done + 1;
    q->kept = NULL;
    q->n_kept = 0;
    q->untold = NULL;
    pthread_mutex_unlock(&q->lock);
    bool well = true;
    dvf_failure found;
    if (untold != NULL) {
        add_failure(failure, &well, untold);
        free(untold);
    }
    if (!sync_one(d, &found)) add_failure(failure, &well, &found);
    /* A stream that this one waited for may hold the cause, or a failure that spoiled what was copied. */
    while (list != NULL) {
        kept *next = list->next;
        if (list->source != NULL && list->source != d && !dvf_wait(list->source, &found))
            add_failure(failure, &well, &found);
        let_go(d, list);
        list = next;
    }
    pthread_mutex_lock(&q->lock);
    /* What failed is named after this, so its name stays until the wait that follows. */
    if (well && tag > q->done) q->done = tag;
    pthread_mutex_unlock(&q->lock);
    if (!well) {
        failure->waiting = d;
        failure->unsettled = unsettled;
    }
    return well;
}

void dvf_wait_silently(dvf_device *d) {
    dvf_failure failure;
    if (dvf_wait(d, &failure)) return;
    dvf_failure *untold = malloc(sizeof *untold);
    if (untold == NULL) return; /* the caller can raise nothing, and memory is gone as well */
    *untold = failure;
    struct dvf_queue *q = d->queue;
    pthread_mutex_lock(&q->lock);
    if (q->untold == NULL) {
        q->untold = untold;
        untold = NULL;
    }
    pthread_mutex_unlock(&q->lock);
    free(untold);
}

int dvf_settle(dvf_device *d, const char *where) {
    if (dvf_usable(d) < 0) return -1;
    if (d->queue == NULL) return 0;
    dvf_failure failure;
    bool well;
    DVF_BEGIN_CALL(d);
    well = dvf_wait(d, &failure);
    DVF_END_CALL;
    return well ? 0 : dvf_raise_failure(&failure, where, "stream_sync");
}

/* ---- order between devices ----------------------------------------------------------------------- */

static void keep(dvf_device *d, kept *one) {
    struct dvf_queue *q = d->queue;
    pthread_mutex_lock(&q->lock);
    one->next = q->kept;
    q->kept = one;
    bool full = ++q->n_kept > KEPT_MOST;
    pthread_mutex_unlock(&q->lock);
    if (full) dvf_wait_silently(d);
}

void dvf_keep_host_memory(dvf_device *d, void *data, uint64_t size) {
    kept *one = d->queue != NULL ? calloc(1, sizeof *one) : NULL;
    if (one == NULL) {
        dvf_wait_silently(d);
        d->plugin->host->host_free(d->plugin->host, data, size);
        return;
    }
    one->data = data;
    one->size = size;
    keep(d, one);
}

bool dvf_order(dvf_device *first, dvf_device *second, dvf_failure *failure) {
    const dvt_device_api *api = &first->plugin->device;
    if (first->queue == NULL || first == second) return true;
    bool events = second->queue != NULL && api->event_create != NULL && api->event_record != NULL &&
                  api->stream_wait != NULL && first->plugin == second->plugin;
    if (!events) return dvf_wait(first, failure);
    kept *one = calloc(1, sizeof *one);
    if (one == NULL) return dvf_wait(first, failure);
    one->source = first;
    dvf_error_clear(&failure->error);
    dvt_status status = api->event_create(first->handle, &one->event, &failure->error);
    if (status == DVT_OK && one->event != NULL) {
        status = api->event_record(one->event, first->stream, &failure->error);
        if (status == DVT_OK)
            status = api->stream_wait(second->stream, one->event, &failure->error);
        keep(second, one);
        if (status == DVT_OK) return true;
    } else {
        free(one);
    }
    if (status == DVT_OK || status == DVT_UNSUPPORTED) return dvf_wait(first, failure);
    failure->late = false;
    return dvf_failed(failure, first, status);
}

/* ---- raising ------------------------------------------------------------------------------------- */

bool dvf_failed(dvf_failure *failure, dvf_device *device, dvt_status status) {
    failure->device = device;
    failure->status = status;
    return false;
}

/* What the failed call should have written, and all that came after it until it is told, has no values:
 * using it is an error, also long after this one was raised. */
static void lose_values(const dvf_failure *f) {
    uint64_t first = f->error.tag != 0 ? f->error.tag : f->device->queue->done + 1;
    dvf_lose_written(f->device, first);
    if (f->waiting != f->device) dvf_lose_written(f->waiting, f->unsettled);
}

static int raise_late(dvf_failure *f, const char *where) {
    lose_values(f);
    char what[sizeof f->device->queue->ring[0].what];
    recall(f->device, f->error.tag, what, sizeof what);
    PyObject *kind = f->status == DVT_OUT_OF_MEMORY ? dvf_OutOfMemoryError : dvf_DeviceError;
    PyObject *text = dvf_plugin_text(dvf_error_text(&f->error), "its device gave no reason");
    char code[48] = "";
    if (text == NULL) return -1;
    if (f->error.native_code != 0)
        snprintf(code, sizeof code, ", driver code %lld", (long long)f->error.native_code);
    PyErr_Format(kind,
                 "%s on %U: %U (status %d%s); it failed after the call had returned, found later "
                 "by %s",
                 what, f->device->name, text, (int)f->status, code, where);
    Py_DECREF(text);
    return -1;
}

static void lose(dvf_device *d) {
    if (!dvf_alive(d)) return;
    d->state = DVF_LOST;
    d->guarded = true;
}

int dvf_raise_failure(dvf_failure *f, const char *what, const char *slot) {
    dvf_device *d = f->device;
    /* A loop that was interrupted: what the user pressed is raised, not what it did to the loop. */
    if (f->status == DVT_CANCELLED && PyErr_CheckSignals() < 0) return -1;
    bool followed = f->status == DVT_CANCELLED || f->status == DVT_DEVICE_LOST;
    if (followed && !f->late && d->queue != NULL && dvf_alive(d)) {
        /* The call was refused for one before it, which the stream has yet to tell. */
        dvf_failure cause;
        bool none;
        DVF_BEGIN_CALL(d);
        none = dvf_wait(d, &cause);
        DVF_END_CALL;
        if (!none) {
            if (f->status == DVT_DEVICE_LOST) lose(d);
            return dvf_raise_failure(&cause, what, slot);
        }
    }
    if (f->status == DVT_DEVICE_LOST) lose(d);
    if (f->late) return raise_late(f, what);
    dvf_raise_slot(f->status, &f->error, PyUnicode_AsUTF8(d->name), what, slot);
    return -1;
}
