/* A device with memory of its own, whose streams do their work at once, and which breaks the rule that
 * VALIDATE_FAULT names when it is loaded. One kernel, float32 add. */
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "good.h"

struct dvt_device {
    int opened;
};
struct dvt_stream {
    int number;
};
struct dvt_event {
    int recorded;
};

static char fault[40];

__attribute__((constructor)) static void choose(void) {
    const char *chosen = getenv("VALIDATE_FAULT");
    if (chosen != NULL) strncpy(fault, chosen, sizeof fault - 1);
}

static int is(const char *name) {
    return strcmp(fault, name) == 0;
}

static struct dvt_device device;
static volatile int inside, leave; /* a call that waits to be met by another */

static void on_signal(int number) {
    (void)number;
}

static dvt_status device_count(const dvt_host *host, uint32_t *count, dvt_error *error) {
    (void)host;
    (void)error;
    *count = is("counts too many") ? 5000 : 1;
    return DVT_OK;
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **opened, dvt_error *error) {
    (void)desc;
    (void)error;
    if (is("handles signals")) signal(SIGINT, on_signal);
    *opened = is("opens nothing") ? NULL : &device;
    return DVT_OK;
}

static void device_close(dvt_device *closed) {
    (void)closed;
}

static dvt_status device_info(dvt_device *of, dvt_device_info *info, dvt_error *error) {
    static dvt_memory_space space = {.struct_size = sizeof space,
                                     .kind = DVT_SPACE_DEVICE,
                                     .place = {DVT_PLACE_EXTENSION, 9},
                                     .name = "own"};
    static const dvt_memory_space *const spaces[] = {&space};
    (void)of;
    (void)error;
    if (is("has a short space")) space.struct_size = 16;
    if (is("aligns its space to 48")) space.alignment = 48;
    if (is("is of no kind")) space.kind = 0;
    info->name = is("is called in latin1") ? "Fu\xDF" : "validated";
    info->spaces = spaces;
    info->n_spaces = 1;
    return DVT_OK;
}

/* How often a call waits inside, for the test of two threads. */
static dvt_status device_memory(dvt_device *of, uint32_t space, uint64_t *free_bytes,
                                uint64_t *total_bytes, dvt_error *error) {
    (void)of;
    (void)space;
    (void)error;
    *free_bytes = is("has more free than there is") ? 2 : (uint64_t)inside;
    *total_bytes = 1;
    return DVT_OK;
}

static dvt_status alloc(dvt_device *of, const dvt_alloc_desc *desc, void **data, dvt_error *error) {
    static char *last;
    void *memory = aligned_alloc(64, ((size_t)desc->size + 127) / 64 * 64);
    (void)of;
    if (memory == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "the chip is full");
    *data = memory;
    if (is("gives crooked memory")) *data = (char *)memory + 8;
    if (is("gives memory twice") && last != NULL) *data = last;
    if (is("gives no memory")) *data = NULL;
    last = memory;
    return DVT_OK;
}

static void release(dvt_device *of, const dvt_alloc_desc *desc) {
    (void)of;
    free(desc->data);
}

static char *element(const dvt_tensor *t, const int64_t *at, size_t size) {
    int64_t offset = 0;
    for (int32_t d = 0; d < t->ndim; d++) offset += at[d] * t->strides[d];
    return (char *)t->data + t->byte_offset + offset * (int64_t)size;
}

static dvt_status copy(dvt_device *of, const dvt_copy *c, dvt_error *error) {
    size_t size = (size_t)c->source->dtype.bits / 8;
    int64_t at[64] = {0}, n = 1;
    (void)of;
    (void)error;
    for (int32_t d = 0; d < c->source->ndim; d++) n *= c->source->shape[d];
    for (int64_t i = 0; i < n; i++) {
        memcpy(element(c->destination, at, size), element(c->source, at, size), size);
        for (int32_t d = c->source->ndim - 1; d >= 0 && ++at[d] == c->source->shape[d]; d--)
            at[d] = 0;
    }
    return DVT_OK;
}

static int streams;

static dvt_status stream_create(dvt_device *of, const dvt_stream_desc *desc, dvt_stream **stream,
                                dvt_error *error) {
    (void)of;
    (void)desc;
    *stream = is("gives no stream") ? NULL : calloc(1, sizeof **stream);
    if (*stream == NULL && !is("gives no stream"))
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for a stream");
    if (*stream != NULL) (*stream)->number = ++streams;
    return DVT_OK;
}

static void stream_destroy(dvt_stream *stream) {
    free(stream);
}

static dvt_status stream_sync(dvt_stream *stream, dvt_error *error) {
    /* The first stream is the core's, which would tell of it when the process ends. */
    if (is("repeats its error") && stream->number > 1)
        return dvt_set_error(error, DVT_INTERNAL, "the chip is too hot");
    return DVT_OK;
}

static dvt_status stream_wait(dvt_stream *stream, dvt_event *event, dvt_error *error) {
    (void)stream;
    (void)event;
    (void)error;
    leave = 1;
    return DVT_OK;
}

static dvt_status event_create(dvt_device *of, dvt_event **event, dvt_error *error) {
    (void)of;
    *event = calloc(1, sizeof **event);
    if (*event == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for an event");
    return DVT_OK;
}

static int records;

static dvt_status event_record(dvt_event *event, dvt_stream *stream, dvt_error *error) {
    (void)stream;
    (void)error;
    event->recorded = 1;
    if (is("waits in event record") && ++records == 2) {
        inside = 1;
        while (!leave) {
        }
    }
    return DVT_OK;
}

static dvt_status event_query(dvt_event *event, dvt_error *error) {
    (void)event;
    (void)error;
    return DVT_OK;
}

static dvt_status event_sync(dvt_event *event, uint64_t timeout_ns, dvt_error *error) {
    (void)event;
    (void)timeout_ns;
    if (is("gives up")) return dvt_set_error(error, DVT_TIMEOUT, "it takes too long");
    return DVT_OK;
}

static void event_destroy(dvt_event *event) {
    free(event);
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_count = device_count,
                                          .device_open = device_open,
                                          .device_close = device_close,
                                          .device_info = device_info,
                                          .device_memory = device_memory,
                                          .alloc = alloc,
                                          .release = release,
                                          .copy = copy,
                                          .stream_create = stream_create,
                                          .stream_destroy = stream_destroy,
                                          .stream_sync = stream_sync,
                                          .stream_wait = stream_wait,
                                          .event_create = event_create,
                                          .event_record = event_record,
                                          .event_query = event_query,
                                          .event_sync = event_sync,
                                          .event_destroy = event_destroy};
static const dvt_kernel_def rows[] = {GOOD_ROW};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
