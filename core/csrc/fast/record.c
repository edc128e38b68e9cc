/* The recording layer: put above a plugin, and the two frames that every call into it leaves. */
#include "record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host.h"

static int64_t now_ns(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* Threads are numbered in the order of their first call: the system's numbers say nothing. */
static uint32_t thread_number(void) {
    static atomic_uint threads;
    static _Thread_local uint32_t mine;
    if (mine == 0) mine = (uint32_t)atomic_fetch_add(&threads, 1) + 1;
    return mine;
}

/* ---- one call -------------------------------------------------------------------------------------- */

void dvf_recording_start(dvf_recording *call, dvf_recorder *recorder, const char *name) {
    *call = (dvf_recording){.recorder = recorder};
    call->number = atomic_fetch_add(&recorder->calls, 1) + 1;
    call->text.closed = atomic_load(&recorder->file.stopped);
    dvf_text_put(&call->text, "{\"n\":%llu,\"call\":\"%s\",\"thread\":%u,\"at_ns\":%lld",
                 (unsigned long long)call->number, name, thread_number(), (long long)now_ns());
}

void dvf_recording_begin(dvf_recording *call) {
    dvf_text_put(&call->text, "}");
    call->begun = dvf_record_write(&call->recorder->file, DVF_FRAME_BEGIN, &call->text, 0);
    dvf_text_clear(&call->text);
    call->text.closed = !call->begun;
    call->from_ns = now_ns();
}

void dvf_record_error(dvf_text *text, const char *name, dvt_status status, const dvt_error *error) {
    dvf_text_put(text, ",\"%s\":{\"status\":%d", name, status);
    if (error != NULL) {
        size_t head = sizeof *error - sizeof error->message;
        size_t room = error->struct_size > head ? error->struct_size - head : 0;
        if (room > sizeof error->message) room = sizeof error->message;
        dvf_text_put(text,
                     ",\"native\":%lld,\"tag\":%llu,\"message\":", (long long)error->native_code,
                     (unsigned long long)error->tag);
        dvf_text_string(text, error->message, room);
    }
    dvf_text_put(text, "}");
}

void dvf_recording_end(dvf_recording *call, dvt_status status, const dvt_error *error) {
    int64_t spent = now_ns() - call->from_ns;
    dvf_text_put(&call->text, "{\"n\":%llu,\"status\":%d,\"ns\":%lld",
                 (unsigned long long)call->number, status, (long long)spent);
    if (status != DVT_OK && error != NULL) dvf_record_error(&call->text, "error", status, error);
}

dvt_status dvf_recording_settle(dvf_recording *call, dvt_stream *stream) {
    if (stream == NULL) return DVT_OK;
    dvt_error late = {.struct_size = (uint32_t)sizeof late};
    dvt_status status = dvf_record_settle(stream, &late);
    dvf_text_put(&call->text, ",\"done_ns\":%lld", (long long)(now_ns() - call->from_ns));
    if (status != DVT_OK) dvf_record_error(&call->text, "late", status, &late);
    return status;
}

void dvf_recording_finish(dvf_recording *call) {
    dvf_text_put(&call->text, "}");
    if (call->begun) dvf_record_write(&call->recorder->file, DVF_FRAME_END, &call->text, 1);
    dvf_text_clear(&call->text);
}

/* ---- the host as the core sees it: the plugin is given the one below -------------------------------- */

static const dvt_host *under(const dvt_host *host) {
    return dvf_recorder_of(host)->below.host;
}

static void host_log(const dvt_host *host, int32_t level, const char *text) {
    under(host)->log(under(host), level, text);
}

static dvt_status host_fail(const dvt_host *host, dvt_error *error, dvt_status code,
                            const char *text) {
    return under(host)->fail(under(host), error, code, text);
}

static const void *host_get_extension(const dvt_host *host, const char *name) {
    return under(host)->get_extension(under(host), name);
}

static void host_parallel_for(const dvt_host *host, uint64_t n, uint64_t grain, dvt_range_fn fn,
                              void *context) {
    under(host)->parallel_for(under(host), n, grain, fn, context);
}

static void *host_alloc(const dvt_host *host, uint64_t size, uint64_t alignment) {
    return under(host)->host_alloc(under(host), size, alignment);
}

static void host_free(const dvt_host *host, void *data, uint64_t size) {
    under(host)->host_free(under(host), data, size);
}

/* ---- installation ---------------------------------------------------------------------------------- */

/* The digest of the library tells its maker which build was recorded. Its folder is nobody's business. */
static void put_library(dvf_text *text, const char *path) {
    const char *base = strrchr(path, '/');
    dvf_text_put(text, ",\"library\":");
    dvf_text_string(text, base != NULL ? base + 1 : path, SIZE_MAX);
    FILE *file = fopen(path, "rb");
    if (file == NULL) return; /* linked statically */
    uint8_t piece[4096], digest[DVF_SHA256_BYTES];
    dvf_sha256 hash;
    dvf_sha256_start(&hash);
    for (size_t n; (n = fread(piece, 1, sizeof piece, file)) > 0;) dvf_sha256_add(&hash, piece, n);
    fclose(file);
    dvf_sha256_end(&hash, digest);
    dvf_text_put(text, ",\"sha256\":\"");
    for (int i = 0; i < DVF_SHA256_BYTES; i++) dvf_text_put(text, "%02x", digest[i]);
    dvf_text_put(text, "\"");
}

static char *session_text(const dvf_recorder *recorder) {
    static const char *const kinds[] = {"full", "hash", "none"};
    const dvf_plugin *p = &recorder->below;
    dvf_text text = {0};
    dvf_text_put(&text, "{\"format\":%d,\"dovetail\":\"%s\",\"host_abi\":%u", DVF_RECORD_FORMAT,
                 DVF_VERSION, DVT_ABI_VERSION);
    dvf_text_put(&text, ",\"plugin\":");
    dvf_text_string(&text, p->table.name, SIZE_MAX);
    dvf_text_put(&text, ",\"version\":");
    dvf_text_string(&text, p->table.version, SIZE_MAX);
    dvf_text_put(&text, ",\"vendor\":");
    dvf_text_string(&text, p->table.vendor, SIZE_MAX);
    dvf_text_put(&text, ",\"abi\":%u,\"abi_required\":%u", p->table.abi_version,
                 p->table.abi_required);
    put_library(&text, p->path);
    dvf_text_put(&text, ",\"record_data\":\"%s\",\"limit\":%llu,\"operand_limit\":%llu",
                 kinds[recorder->file.data], (unsigned long long)recorder->file.limit,
                 (unsigned long long)recorder->file.operand_limit);
    dvf_text_put(&text, ",\"time\":%lld,\"threads\":%u", (long long)time(NULL), p->host->n_threads);
    dvf_text_put(&text, "%c", 0); /* a string; the file adds the process and the closing brace */
    return text.closed ? NULL : text.data;
}

static void set_host(dvf_recorder *recorder) {
    recorder->host = *recorder->below.host;
    recorder->host.log = host_log;
    recorder->host.fail = host_fail;
    recorder->host.get_extension = host_get_extension;
    recorder->host.parallel_for = host_parallel_for;
    recorder->host.host_alloc = host_alloc;
    recorder->host.host_free = host_free;
}

static void note_extensions(dvf_recorder *recorder) {
    dvf_text text = {0};
    dvf_text_put(&text, "{\"notice\":\"the plugin offers extension tables (get_extension); a "
                        "recording hides them from the core, since they take bare handles\"}");
    dvf_record_write(&recorder->file, DVF_FRAME_NOTICE, &text, 0);
    dvf_text_clear(&text);
}

dvt_status dvf_record_plugin(dvf_plugin *plugin, const char *pattern, int data, uint64_t limit,
                             uint64_t operand_limit, const char **path, dvt_error *error) {
    dvf_recorder *recorder = calloc(1, sizeof *recorder);
    if (recorder == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory to record");
    recorder->below = *plugin;
    set_host(recorder);
    dvf_record_file *file = &recorder->file;
    file->pattern = strdup(pattern);
    file->plugin = strdup(plugin->table.name);
    file->data = data;
    file->limit = limit;
    file->operand_limit = operand_limit;
    file->descriptor = -1;
    file->session = session_text(recorder);
    dvt_status status =
        file->pattern == NULL || file->plugin == NULL || file->session == NULL
            ? dvt_set_error(error, DVT_OUT_OF_MEMORY, "no memory for the head of a recording")
            : dvf_record_open(file, error);
    if (status != DVT_OK) {
        free(file->pattern);
        free(file->plugin);
        free(file->session);
        free(file->path);
        free(recorder);
        return status;
    }
    plugin->host = &recorder->host;
    dvf_record_kernels(plugin);
    if (plugin->has_device) {
        dvf_record_devices(&plugin->device);
        dvf_record_memory(&plugin->device);
        dvf_record_streams(&plugin->device);
    }
    if (plugin->has_graph) dvf_record_graphs(&plugin->graph);
    if (plugin->table.get_extension != NULL) {
        plugin->table.get_extension = NULL;
        note_extensions(recorder);
    }
    *path = file->path;
    return DVT_OK; /* the recorder lives as long as the plugin: until the process ends */
}
