/* Host memory that ends at the n-th request, n = 1, 2, 3 and so on until the whole story goes through:
 * adopt the plugin, open a device, alloc, copy, prepare, compile, save, load, run, wait, close. Whatever
 * request fails, the call says so with a sentence, nothing is lost, and the device can be closed.
 *
 * The linker sends calloc, realloc and aligned_alloc of all objects here: -Wl,--wrap. */
#include "threads.h"

#define N 64

static _Thread_local uint32_t countdown; /* 1: the next request fails; 0: none does */
static bool failed;

static bool fails(void) {
    if (countdown == 0 || --countdown > 0) return false;
    failed = true;
    return true;
}

void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *old, size_t size);
void *__real_aligned_alloc(size_t alignment, size_t size);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_aligned_alloc(size_t alignment, size_t size);

void *__wrap_calloc(size_t n, size_t size) {
    return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *old, size_t size) {
    return fails() ? NULL : __real_realloc(old, size);
}

void *__wrap_aligned_alloc(size_t alignment, size_t size) {
    return fails() ? NULL : __real_aligned_alloc(alignment, size);
}

/* Whether a call went through; if not, memory had ended, and there is a sentence. */
static bool went(dvt_status status, const dvt_error *error) {
    if (status == DVT_OK) return true;
    CHECK(failed && status == DVT_OUT_OF_MEMORY && strlen(error->message) > 10);
    return false;
}

#define TRY(call) ((error = (dvt_error){.struct_size = sizeof error}), went((call), &error))

typedef struct story { /* what has to be given back, null where it was not come to */
    const dvf_plugin *plugin;
    dvt_device *device;
    dvt_stream *stream;
    dvt_event *event;
    dvt_kernel_info kernel;
    dvt_executable *program, *loaded;
    void *data, *workspace;
    uint64_t workspace_size;
    unsigned char saved[4096];
    uint64_t n_saved;
} story;

static const dvt_kernel_def *row_of(const story *s, const char *op) {
    const dvt_kernel_def *row = s->plugin->kernels;
    while (strcmp(row->op, op) != 0) row++;
    return row;
}

static dvt_status keep(void *context, const void *bytes, uint64_t size) {
    story *s = context;
    CHECK(s->n_saved + size <= sizeof s->saved);
    memcpy(s->saved + s->n_saved, bytes, size);
    s->n_saved += size;
    return DVT_OK;
}

static bool compile(story *s, const dvt_tensor *view) {
    dvt_error error;
    const dvt_value value = {.struct_size = sizeof value, .spec = *view};
    const dvt_value *values[] = {&value, &value, &value};
    const uint32_t x[] = {0}, y[] = {1}, z[] = {2}, xx[] = {0, 0}, yx[] = {1, 0};
    const dvt_node first = {.struct_size = sizeof first,
                            .op = "add",
                            .inputs = xx,
                            .outputs = y,
                            .version = 1,
                            .n_inputs = 2,
                            .n_outputs = 1};
    const dvt_node second = {.struct_size = sizeof second,
                             .op = "multiply",
                             .inputs = yx,
                             .outputs = z,
                             .version = 1,
                             .n_inputs = 2,
                             .n_outputs = 1};
    const dvt_node *nodes[] = {&first, &second};
    const dvt_graph graph = {.struct_size = sizeof graph,
                             .nodes = nodes,
                             .values = values,
                             .inputs = x,
                             .outputs = z,
                             .n_nodes = 2,
                             .n_values = 3,
                             .n_inputs = 1,
                             .n_outputs = 1};
    const dvt_compile_desc desc = {.struct_size = sizeof desc,
                                   .graph = &graph,
                                   .devices = &s->device,
                                   .host = s->plugin->host,
                                   .n_devices = 1};
    dvt_claim claims[2] = {{.struct_size = sizeof claims[0]}, {.struct_size = sizeof claims[0]}};
    dvt_claim *const pointers[] = {&claims[0], &claims[1]};
    dvt_executable_info info = {.struct_size = sizeof info};
    const dvt_graph_api *api = &s->plugin->graph;
    dvt_blob blob = {.struct_size = sizeof blob,
                     .write = keep,
                     .context = s,
                     .device = s->device,
                     .host = s->plugin->host};
    if (!TRY(api->partition(&desc, pointers, &error))) return false;
    CHECK(claims[0].group == 1 && claims[1].group == 1);
    if (!TRY(api->compile(&desc, &s->program, &info, &error))) return false;
    if (!TRY(api->save(s->program, &blob, &error))) return false;
    blob.write = NULL;
    blob.bytes = s->saved;
    blob.size = s->n_saved;
    if (!TRY(api->load(&blob, &s->loaded, &info, &error))) return false;
    s->workspace_size = info.workspace_size;
    return true;
}

static bool run(story *s) {
    const dvt_device_api *api = &s->plugin->device;
    dvt_error error;
    int64_t shape[] = {N}, strides[] = {1};
    float host[N], back[N] = {0};
    dvt_tensor view = {.place = {DVT_PLACE_EXTENSION, 0},
                       .ndim = 1,
                       .dtype = {DVT_FLOAT, 32, 1},
                       .shape = shape,
                       .strides = strides};
    dvt_tensor outside = view;
    const dvt_tensor *operands[] = {&view, &view, &view};
    dvt_device_desc open = {.struct_size = sizeof open, .host = s->plugin->host};
    dvt_stream_desc queue = {.struct_size = sizeof queue};
    dvt_alloc_desc memory = {.struct_size = sizeof memory, .size = sizeof host};
    dvt_op op = {.struct_size = sizeof op,
                 .name = "add",
                 .version = 1,
                 .n_inputs = 2,
                 .n_outputs = 1,
                 .inputs = operands,
                 .outputs = operands};
    for (int i = 0; i < N; i++) host[i] = (float)i;
    if (!TRY(api->device_open(&open, &s->device, &error))) return false;
    if (!TRY(api->stream_create(s->device, &queue, &s->stream, &error))) return false;
    if (!TRY(api->event_create(s->device, &s->event, &error))) return false;
    if (!TRY(api->alloc(s->device, &memory, &s->data, &error))) return false;
    s->kernel.struct_size = sizeof s->kernel;
    if (!TRY(row_of(s, "add")->prepare(&op, &s->kernel, &error))) return false;
    if (!compile(s, &view)) return false;
    memory.size = s->workspace_size;
    if (!TRY(api->alloc(s->device, &memory, &s->workspace, &error))) return false;
    view.data = s->data;
    outside.data = host;
    outside.place.type = DVT_PLACE_CPU;
    dvt_copy copy = {.struct_size = sizeof copy,
                     .source = &outside,
                     .destination = &view,
                     .destination_device = s->device,
                     .stream = s->stream};
    dvt_call call = {.struct_size = sizeof call,
                     .host = s->plugin->host,
                     .device = s->device,
                     .stream = s->stream,
                     .kernel = s->kernel.kernel,
                     .inputs = operands,
                     .outputs = operands,
                     .n_inputs = 2,
                     .n_outputs = 1};
    /* What enqueues allocates nothing, so none of it can fail. */
    OK(api->copy(s->device, &copy, &error));
    OK(s->kernel.run(&call, &error));
    call.n_inputs = 1;
    call.workspace = s->workspace;
    call.workspace_size = s->workspace_size;
    OK(s->plugin->graph.execute(s->loaded, &call, &error));
    outside.data = back;
    copy = (dvt_copy){.struct_size = sizeof copy,
                      .source = &view,
                      .destination = &outside,
                      .source_device = s->device,
                      .stream = s->stream};
    OK(api->copy(s->device, &copy, &error));
    const bool recorded = TRY(api->event_record(s->event, s->stream, &error));
    if (recorded) OK(api->event_sync(s->event, UINT64_MAX, &error));
    const bool synced = TRY(api->device_sync(s->device, &error));
    OK(api->stream_sync(s->stream, &error));
    for (int i = 0; i < N; i++) CHECK(back[i] == 2 * (2 * host[i]) * (2 * host[i]));
    return recorded && synced;
}

static void give(const story *s, void *data, uint64_t size) {
    dvt_alloc_desc memory = {.struct_size = sizeof memory, .size = size, .data = data};
    if (data != NULL) s->plugin->device.release(s->device, &memory);
}

/* Everything that was made, in any order of failure. */
static void end(story *s) {
    const dvt_device_api *api = &s->plugin->device;
    if (s->device == NULL) return;
    if (s->kernel.kernel != NULL) row_of(s, "add")->destroy(s->kernel.kernel);
    if (s->program != NULL) s->plugin->graph.destroy(s->program);
    if (s->loaded != NULL) s->plugin->graph.destroy(s->loaded);
    if (s->event != NULL) api->event_destroy(s->event);
    give(s, s->data, N * sizeof(float));
    give(s, s->workspace, s->workspace_size);
    if (s->stream != NULL) api->stream_destroy(s->stream);
    api->device_close(s->device);
}

static dvf_plugin *plugin; /* an accepted one lives as long as the process: no leak */

int main(void) {
    dvt_error error = {.struct_size = sizeof error};
    CHECK(dvf_host_init() == 0);
    const dvt_plugin *raw = dvt_plugin_query(DVT_ABI_VERSION, DVT_ABI_VERSION, dvf_host(), &error);
    uint32_t refusals = 0, n = 0;
    bool complete = false;
    do { /* the host's own loader */
        failed = false;
        countdown = ++n;
        const dvt_status status = dvf_adopt(raw, &plugin, &error);
        countdown = 0;
        CHECK(status == DVT_OK || (failed && plugin == NULL && error.message[0] != '\0'));
        complete = status == DVT_OK;
    } while (!complete && n < 100);
    CHECK(complete && n > 1);
    for (n = 1, complete = false; !complete && n < 100; n++) {
        story s = {.plugin = plugin};
        failed = false;
        countdown = n;
        complete = run(&s);
        countdown = 0;
        end(&s);
        CHECK(complete != failed);
        refusals += failed;
    }
    CHECK(complete && refusals > 10);
    puts("ok");
    return 0;
}
