/* record.h: the recording layer (DOVETAIL_RECORD), between the core and one plugin.
 *
 * Reading order: record.c (install, host, one call's frames) -> record_view.c (operands, attributes)
 * -> record_fetch.c -> record_graph_text.c -> record_kernel.c, record_device.c, record_memory.c, record_stream.c,
 * record_graph.c (the slots) -> record_file.c (the file).
 *
 * Handles given to the core are structs of ours, which know the recorder and the plugin's handle. */
#ifndef DVF_RECORD_H
#define DVF_RECORD_H

#include <stdatomic.h>
#include <stdint.h>

#include "loader.h"
#include "record_file.h"
#include "record_text.h"

typedef struct dvf_recorder {
    dvt_host host; /* what the core is told is this plugin's host; first, so that it leads here */
    dvf_plugin below; /* what the plugin was before */
    dvf_record_file file;
    _Atomic uint64_t calls, handles; /* numbers given so far */
} dvf_recorder;

#define DVF_RECORD_AXES 64  /* a tensor has no more */
#define DVF_RECORD_SPACES 8 /* more memory spaces than that are read through the device's copy */

typedef struct dvf_recorded_device {
    dvf_recorder *recorder;
    dvt_device *below;
    uint64_t number;
    struct dvf_recorded_device *next; /* of all that are open */
    dvt_stream *own;                  /* the plugin's, for copies of our own (record_stream.c) */
    int described;                    /* device_info has answered */
    uint32_t n_spaces;
    dvt_place places[DVF_RECORD_SPACES];
    uint32_t space_flags[DVF_RECORD_SPACES];
} dvf_recorded_device;

typedef struct dvf_recorded_stream {
    dvf_recorder *recorder;
    dvt_stream *below;
    uint64_t number;
    dvf_recorded_device *device;
    struct dvf_recorded_stream *next; /* of all that live */
    dvt_status late;                  /* what our own sync met, still to be delivered to the core */
    dvt_error late_error;
} dvf_recorded_stream;

typedef struct dvf_recorded_event {
    dvf_recorder *recorder;
    dvt_event *below;
    uint64_t number;
} dvf_recorded_event;

/* ---- one call's frames (record.c) ----------------------------------------------------------------- */

/* Put members into `text` between the steps: start, (members) begin, the call, end, (members) finish. */
typedef struct dvf_recording {
    dvf_recorder *recorder;
    uint64_t number;
    dvf_text text;
    int begun; /* the BEGIN frame is in the file */
    int64_t from_ns;
} dvf_recording;

void dvf_recording_start(dvf_recording *call, dvf_recorder *recorder, const char *name);
void dvf_recording_begin(dvf_recording *call);
void dvf_recording_end(dvf_recording *call, dvt_status status, const dvt_error *error);
/* After end, of a call on a stream: wait for its work and say so. What the wait met, else DVT_OK. */
dvt_status dvf_recording_settle(dvf_recording *call, dvt_stream *stream);
void dvf_recording_finish(dvf_recording *call);
/* ,"name":{"status":..,"message":..,...} */
void dvf_record_error(dvf_text *text, const char *name, dvt_status status, const dvt_error *error);

/* The layer above `plugin`; `path` (static until the process ends) is the file it writes. */
dvt_status dvf_record_plugin(dvf_plugin *plugin, const char *pattern, int data, uint64_t limit,
                             uint64_t operand_limit, const char **path, dvt_error *error);

/* ---- handles (record_device.c, record_stream.c) ---------------------------------------------------- */

static inline dvf_recorder *dvf_recorder_of(const dvt_host *host) {
    return (dvf_recorder *)(uintptr_t)host;
}
static inline dvf_recorded_device *dvf_recorded(dvt_device *device) {
    return (dvf_recorded_device *)(void *)device;
}
/* The plugin's handle; copies may name a device of another plugin, whose layer may be ours or none. */
dvt_device *dvf_record_device_below(dvt_device *device);
dvt_stream *dvf_record_stream_below(dvt_stream *stream);
uint64_t dvf_record_device_number(dvt_device *device); /* 0: none, or not of this layer */
uint64_t dvf_record_stream_number(dvt_stream *stream);
/* Wait for the stream, so that its data can be read; what went wrong is kept for the core's own sync.
 * Returns it, DVT_OK when there is nothing. Does nothing where no data are recorded. */
dvt_status dvf_record_settle(dvt_stream *stream, dvt_error *error);
/* Forget a late error of a device's streams and return it. */
dvt_status dvf_record_take_late(dvf_recorded_device *device, dvt_stream *stream, dvt_error *error);
/* The plugin's handle of a stream for copies of our own, made at first use: the core's may be destroyed
 * at any time. Null when the device has none. */
dvt_stream *dvf_record_own_stream(dvf_recorded_device *device);
void dvf_record_forget_streams(dvf_recorded_device *device);

/* ---- operands, attributes, graphs (record_view.c, record_graph_text.c) ------------------------------ */

enum { DVF_VIEW_SPEC, DVF_VIEW_HOST, DVF_VIEW_PLACED };

/* A view as a JSON object. SPEC: without data; HOST: the data lie in host memory; PLACED: where its
 * place says, seen from `device` (null: host). */
void dvf_record_view(dvf_recorder *recorder, dvf_text *text, const dvt_tensor *view,
                     dvf_recorded_device *device, int how);
/* ,"data":.. of a view alone, as dvf_record_view would put it */
void dvf_record_contents(dvf_recorder *recorder, dvf_text *text, const dvt_tensor *view,
                         dvf_recorded_device *device, int how);
/* The elements of a view, row-major: where they lie, or in *owned, `size` bytes for host_free. Null with
 * *why, a text of ours, when they cannot be had. `device` null: they lie on the host. */
const void *dvf_record_fetch(dvf_recorder *recorder, const dvt_tensor *view,
                             dvf_recorded_device *device, uint64_t size, void **owned,
                             const char **why);
/* `device`: where constants of graphs lie, which attributes may hold. */
void dvf_record_attrs(dvf_recorder *recorder, dvf_text *text, const dvt_attr *attrs, uint32_t n,
                      dvf_recorded_device *device);
void dvf_record_graph(dvf_recorder *recorder, dvf_text *text, const dvt_graph *graph,
                      dvf_recorded_device *device);
void dvf_record_operands(dvf_recorder *recorder, dvf_text *text, const char *name,
                         const dvt_tensor *const *views, uint32_t n, dvf_recorded_device *device,
                         uint64_t on_host, int how);
/* After end: ,"late":{..} and ,"outputs":[..] of a run or execute. */
void dvf_record_results(dvf_recording *record, dvt_status status, const dvt_call *call,
                        dvf_recorded_device *device, int all_on_host);
void dvf_record_extensions(dvf_text *text, const dvt_ext *ext);

/* ---- the slots that each file replaces ------------------------------------------------------------- */

void dvf_record_kernels(dvf_plugin *plugin);
void dvf_record_devices(dvt_device_api *api);
void dvf_record_memory(dvt_device_api *api);
void dvf_record_streams(dvt_device_api *api);
void dvf_record_graphs(dvt_graph_api *api);

#endif
