/* The simulated accelerator from many threads, through the host's loader: memory, copies, kernels,
 * programs, events across streams and devices, failures, and streams that come and go meanwhile. */
#include "threads.h"

#define N 300
#define ROUNDS 80
#define N_THREADS 10

static dvf_plugin *plugin;
static dvt_device *devices[2];
static dvt_stream *shared_stream; /* of device 0: every thread enqueues on it */
static dvt_executable *program;   /* of device 0: x * x + x, in four streams at once */
static uint64_t program_workspace;
static atomic_uint working;

/* ---- small words for the table ---- */

static void *take(dvt_device *device, dvt_stream *stream, uint64_t size) {
    dvt_alloc_desc desc = {.struct_size = sizeof desc, .size = size, .stream = stream};
    void *data = NULL;
    OK(plugin->device.alloc(device, &desc, &data, &error));
    return data;
}

static void give(dvt_device *device, dvt_stream *stream, void *data, uint64_t size) {
    dvt_alloc_desc desc = {
        .struct_size = sizeof desc, .size = size, .stream = stream, .data = data};
    plugin->device.release(device, &desc);
}

static dvt_stream *new_stream(dvt_device *device) {
    dvt_stream_desc desc = {.struct_size = sizeof desc};
    dvt_stream *stream = NULL;
    OK(plugin->device.stream_create(device, &desc, &stream, &error));
    return stream;
}

typedef struct vector { /* float32[N], anywhere */
    int64_t shape[1], strides[1];
    dvt_tensor tensor;
} vector;

static void view(vector *v, void *data, int32_t place) {
    *v = (vector){.shape = {N}, .strides = {1}};
    v->tensor = (dvt_tensor){.data = data,
                             .place = {place, 0},
                             .ndim = 1,
                             .dtype = {DVT_FLOAT, 32, 1},
                             .shape = v->shape,
                             .strides = v->strides};
}

/* Copy N floats; device null: that end is the host's. Descriptor and views end with the call. */
static void move(dvt_device *doer, void *from, dvt_device *from_device, void *to,
                 dvt_device *to_device, dvt_stream *stream) {
    vector source, destination;
    view(&source, from, from_device != NULL ? DVT_PLACE_EXTENSION : DVT_PLACE_CPU);
    view(&destination, to, to_device != NULL ? DVT_PLACE_EXTENSION : DVT_PLACE_CPU);
    dvt_copy copy = {.struct_size = sizeof copy,
                     .source = &source.tensor,
                     .destination = &destination.tensor,
                     .source_device = from_device,
                     .destination_device = to_device,
                     .stream = stream,
                     .tag = 5};
    OK(plugin->device.copy(doer, &copy, &error));
}

typedef struct kernel {
    dvt_kernel_info info;
    dvf_destroy_fn destroy;
} kernel;

static kernel prepare(dvt_device *device, const char *op) {
    kernel k = {.info = {.struct_size = sizeof k.info}};
    vector v;
    view(&v, NULL, DVT_PLACE_EXTENSION);
    const dvt_tensor *specs[] = {&v.tensor, &v.tensor};
    dvt_op request = {.struct_size = sizeof request,
                      .name = op,
                      .version = 1,
                      .n_inputs = 2,
                      .n_outputs = 1,
                      .inputs = specs,
                      .outputs = specs,
                      .device = device,
                      .host = plugin->host};
    uint32_t row = 0;
    while (strcmp(plugin->kernels[row].op, op) != 0) row++;
    OK(plugin->prepare_row(plugin, row, &request, &k.info, &k.destroy, &error));
    return k;
}

static dvt_call call_of(dvt_device *device, dvt_stream *stream, vector *views,
                        const dvt_tensor **operands, uint32_t n_inputs) {
    for (uint32_t i = 0; i <= n_inputs; i++) operands[i] = &views[i].tensor;
    return (dvt_call){.struct_size = sizeof(dvt_call),
                      .host = plugin->host,
                      .device = device,
                      .stream = stream,
                      .inputs = operands,
                      .outputs = operands + n_inputs,
                      .n_inputs = n_inputs,
                      .n_outputs = 1};
}

static void launch(dvt_device *device, dvt_stream *stream, const kernel *k, void *x, void *y,
                   void *z) {
    vector views[3];
    const dvt_tensor *operands[3];
    view(&views[0], x, DVT_PLACE_EXTENSION);
    view(&views[1], y, DVT_PLACE_EXTENSION);
    view(&views[2], z, DVT_PLACE_EXTENSION);
    dvt_call call = call_of(device, stream, views, operands, 2);
    call.kernel = k->info.kernel;
    OK(k->info.run(&call, &error));
}

/* ---- the jobs ---- */

/* x + x on one device, times itself on the other, each on a stream of its own, joined by events. */
static void across_devices(uint32_t number, uint32_t round) {
    const uint64_t bytes = N * sizeof(float);
    dvt_device *one = devices[number % 2], *two = devices[1 - number % 2];
    dvt_stream *first = new_stream(one), *second = new_stream(two);
    float host[N], back[N];
    dvt_event *made = NULL, *done = NULL;
    for (int i = 0; i < N; i++) host[i] = (float)(i + (int)(number + round));
    void *x = take(one, first, bytes), *y = take(one, first, bytes), *z = take(two, second, bytes);
    kernel add = prepare(one, "add"), multiply = prepare(two, "multiply");
    OK(plugin->device.event_create(one, &made, &error));
    OK(plugin->device.event_create(two, &done, &error));
    move(one, host, NULL, x, one, first);
    launch(one, first, &add, x, x, y);
    OK(plugin->device.event_record(made, first, &error));
    OK(plugin->device.stream_wait(second, made, &error));
    move(two, y, one, z, two, second);
    launch(two, second, &multiply, z, z, z);
    OK(plugin->device.event_record(done, second, &error));
    OK(plugin->device.stream_wait(first, done, &error));
    give(one, first, x, bytes); /* the other device has read y by then */
    give(one, first, y, bytes);
    add.destroy(add.info.kernel); /* though its launch may still be queued */
    multiply.destroy(multiply.info.kernel);
    move(two, z, two, back, NULL, second);
    OK(plugin->device.event_sync(done, UINT64_MAX, &error));
    OK(plugin->device.event_query(made, &error));
    OK(plugin->device.stream_sync(second, &error));
    double ns = -1;
    OK(plugin->device.event_elapsed(made, done, &ns, &error));
    CHECK(ns >= 0);
    for (int i = 0; i < N; i++) CHECK(back[i] == 4 * host[i] * host[i]);
    give(two, second, z, bytes);
    plugin->device.event_destroy(made);
    plugin->device.event_destroy(done);
    plugin->device.stream_destroy(first);
    plugin->device.stream_destroy(second);
}

/* Every thread on one stream: commands of a thread keep their order between those of others. */
static void on_the_shared_stream(uint32_t number, uint32_t round) {
    const uint64_t bytes = N * sizeof(float);
    dvt_device *device = devices[0];
    float host[N], back[N];
    vector views[2];
    const dvt_tensor *operands[2];
    for (int i = 0; i < N; i++) host[i] = (float)((uint32_t)i % 7 + number + round);
    void *x = take(device, shared_stream, bytes), *y = take(device, shared_stream, bytes);
    void *room = program_workspace ? take(device, shared_stream, program_workspace) : NULL;
    move(device, host, NULL, x, device, shared_stream);
    view(&views[0], x, DVT_PLACE_EXTENSION);
    view(&views[1], y, DVT_PLACE_EXTENSION);
    dvt_call call = call_of(device, shared_stream, views, operands, 1);
    call.workspace = room;
    call.workspace_size = program_workspace;
    OK(plugin->graph.execute(program, &call, &error));
    move(device, y, device, back, NULL, shared_stream);
    if (room != NULL) give(device, shared_stream, room, program_workspace);
    give(device, shared_stream, x, bytes);
    give(device, shared_stream, y, bytes);
    OK(plugin->device.stream_sync(shared_stream, &error));
    for (int i = 0; i < N; i++) CHECK(back[i] == host[i] * host[i] + host[i]);
}

/* The host's own threads meanwhile: each piece talks to the device. */
static void ask_memory(void *context, uint64_t begin, uint64_t end, uint32_t worker) {
    dvt_device *device = context;
    (void)worker;
    for (uint64_t i = begin; i < end; i++) give(device, NULL, take(device, NULL, 1 + i), 1 + i);
}

static void ignore(void *context, int32_t level, const char *text) {
    (void)context;
    (void)level;
    (void)text;
}

static void job(void *shared, uint32_t number) {
    (void)shared;
    if (number == 0) { /* whoever waits for everything, and reads the log */
        while (atomic_load(&working) > 0) {
            uint64_t free_bytes, total;
            OK(plugin->device.device_sync(devices[0], &error));
            OK(plugin->device.device_sync(devices[1], &error));
            OK(plugin->device.device_memory(devices[0], 0, &free_bytes, &total, &error));
            CHECK(free_bytes <= total);
            dvf_host_drain_log(ignore, NULL);
        }
        return;
    }
    for (uint32_t round = 0; round < ROUNDS; round++) {
        across_devices(number, round);
        on_the_shared_stream(number, round);
        plugin->host->parallel_for(plugin->host, 8, 1, ask_memory, devices[number % 2]);
    }
    atomic_fetch_sub(&working, 1);
}

/* The plugin may be asked more than once, and taken in by several threads. */
static void adopt_once_more(void *shared, uint32_t number) {
    dvf_plugin *another = NULL;
    (void)shared;
    (void)number;
    OK(dvf_adopt(dvt_plugin_query(DVT_ABI_VERSION, DVT_ABI_VERSION, dvf_host(), &error), &another,
                 &error));
    CHECK(another != plugin && another->n_kernels == plugin->n_kernels);
    discard(another);
}

/* ---- a compiled graph ---- */

static void compile_program(void) {
    vector v;
    view(&v, NULL, DVT_PLACE_EXTENSION);
    dvt_value value = {.struct_size = sizeof value, .spec = v.tensor};
    const dvt_value *values[] = {&value, &value, &value};
    const uint32_t in[] = {0}, product[] = {1}, out[] = {2}, twice[] = {0, 0}, both[] = {1, 0};
    const dvt_node multiply = {.struct_size = sizeof multiply,
                               .op = "multiply",
                               .inputs = twice,
                               .outputs = product,
                               .version = 1,
                               .n_inputs = 2,
                               .n_outputs = 1};
    dvt_node add = multiply;
    add.op = "add";
    add.inputs = both;
    add.outputs = out;
    const dvt_node *nodes[] = {&multiply, &add};
    dvt_graph graph = {.struct_size = sizeof graph,
                       .nodes = nodes,
                       .values = values,
                       .inputs = in,
                       .outputs = out,
                       .n_nodes = 2,
                       .n_values = 3,
                       .n_inputs = 1,
                       .n_outputs = 1};
    dvt_compile_desc desc = {.struct_size = sizeof desc,
                             .graph = &graph,
                             .devices = devices,
                             .host = plugin->host,
                             .n_devices = 1};
    dvt_executable_info info = {.struct_size = sizeof info};
    OK(plugin->graph.compile(&desc, &program, &info, &error));
    CHECK(info.flags & DVT_EXECUTABLE_CONCURRENT);
    program_workspace = info.workspace_size;
}

/* ---- failures ---- */

typedef struct failures {
    dvt_device *device;
    dvt_stream *streams[4];
    atomic_uint delivered;
} failures;

static void enqueue_until_lost(void *shared, uint32_t number) {
    failures *f = shared;
    float host[N] = {0}, one = 1;
    for (int i = 0; i < 40; i++) {
        vector v;
        view(&v, host, DVT_PLACE_CPU);
        dvt_fill fill = {.struct_size = sizeof fill,
                         .destination = &v.tensor,
                         .pattern = &one,
                         .stream = f->streams[number],
                         .tag = 1000 + number};
        dvt_error error = {.struct_size = sizeof error};
        dvt_status status = plugin->device.fill(f->device, &fill, &error);
        CHECK(status == DVT_OK || status == DVT_DEVICE_LOST);
        if (i % 8 != 7) continue;
        error = (dvt_error){.struct_size = sizeof error};
        status = plugin->device.stream_sync(f->streams[number], &error);
        if (status == DVT_OK) continue;
        CHECK(error.message[0] != '\0' && (status == DVT_DEVICE_LOST || error.tag >= 1000));
        if (status == DVT_INTERNAL) atomic_fetch_add(&f->delivered, 1);
    }
    dvt_error error = {.struct_size = sizeof error};
    plugin->device.stream_sync(f->streams[number], &error); /* nothing writes `host` from here on */
}

static dvt_device *open_device(uint32_t ordinal, const char *const *names, const int64_t *numbers,
                               uint32_t n) {
    dvt_attr options[4];
    dvt_device *device = NULL;
    for (uint32_t i = 0; i < n; i++)
        options[i] = (dvt_attr){names[i], &numbers[i], 1, DVT_ATTR_INT64, 0};
    dvt_device_desc desc = {.struct_size = sizeof desc,
                            .ordinal = ordinal,
                            .n_options = n,
                            .options = options,
                            .host = plugin->host};
    OK(plugin->device.device_open(&desc, &device, &error));
    return device;
}

static void test_failures_are_delivered_once_whoever_syncs(void) {
    static const char *const names[] = {"delay_us", "fail_at", "lose_at"};
    static const int64_t numbers[] = {20, 50, 130};
    failures f = {.device = open_device(0, names, numbers, 3)};
    for (int i = 0; i < 4; i++) f.streams[i] = new_stream(f.device);
    at_once(4, enqueue_until_lost, &f);
    CHECK(f.delivered == 1);
    for (int i = 0; i < 4; i++) plugin->device.stream_destroy(f.streams[i]);
    plugin->device.device_close(f.device);
    dvf_host_drain_log(ignore, NULL);
}

int main(void) {
    static const char *const names[] = {"delay_us", "seed", "queue"};
    static const int64_t numbers[] = {20, 7, 8}; /* a short queue: it fills up */
    dvt_error error = {.struct_size = sizeof error};
    CHECK(dvf_host_init() == 0);
    CHECK(dvf_adopt(dvt_plugin_query(DVT_ABI_VERSION, DVT_ABI_VERSION, dvf_host(), &error), &plugin,
                    &error) == DVT_OK);
    at_once(4, adopt_once_more, NULL);
    for (uint32_t i = 0; i < 2; i++) devices[i] = open_device(i, names, numbers, 3);
    shared_stream = new_stream(devices[0]);
    compile_program();
    atomic_store(&working, N_THREADS - 1);
    at_once(N_THREADS, job, NULL);
    plugin->graph.destroy(program);
    plugin->device.stream_destroy(shared_stream);
    for (int i = 0; i < 2; i++) {
        uint64_t free_bytes, total;
        OK(plugin->device.device_memory(devices[i], 0, &free_bytes, &total, &error));
        CHECK(free_bytes == total); /* every thread gave back what it took */
        plugin->device.device_close(devices[i]);
    }
    test_failures_are_delivered_once_whoever_syncs();
    puts("ok");
    return 0;
}
