/* The loader's checks on tables built in memory, the host table, and the processor's features. */
#define DVF_NO_PYTHON
#include "../fast/features.c"
#include "../fast/host.c"
#include "../fast/loader.c"
#include "../fast/pool.c"

#include <unistd.h>

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s does not hold\n", __FILE__, __LINE__, #condition);          \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static dvt_status run(const dvt_call *call, dvt_error *error) {
    (void)call;
    (void)error;
    return DVT_OK;
}

static dvt_status open_device(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    (void)desc;
    *device = NULL;
    return dvt_set_error(error, DVT_INTERNAL, "no");
}

static dvt_status info(dvt_device *device, dvt_device_info *out, dvt_error *error) {
    (void)device;
    (void)out;
    return dvt_set_error(error, DVT_INTERNAL, "no");
}

static const dvt_kernel_def row = {.op = "add", .types = "T=f32", .run = run};

static dvt_plugin good(void) {
    dvt_plugin p = {.struct_size = sizeof p,
                    .abi_version = DVT_ABI_VERSION,
                    .abi_required = 65536,
                    .name = "test",
                    .version = "1",
                    .kernels = &row,
                    .n_kernels = 1,
                    .kernel_def_size = sizeof row};
    return p;
}

static dvt_error said;

static dvf_plugin *accept(const dvt_plugin *raw) {
    dvf_plugin *plugin = NULL;
    said = (dvt_error){.struct_size = sizeof said};
    CHECK(dvf_adopt(raw, &plugin, &said) == DVT_OK);
    CHECK(plugin != NULL);
    return plugin;
}

static void refuses(const dvt_plugin *raw, const char *words) {
    dvf_plugin *plugin = (dvf_plugin *)raw; /* must be overwritten */
    said = (dvt_error){.struct_size = sizeof said};
    CHECK(dvf_adopt(raw, &plugin, &said) < 0);
    CHECK(plugin == NULL);
    if (strstr(said.message, words) == NULL) {
        fprintf(stderr, "expected '%s' in: %s\n", words, said.message);
        exit(1);
    }
}

static void test_a_good_table_is_copied_whole(void) {
    dvt_plugin raw = good();
    dvf_plugin *p = accept(&raw);
    CHECK(p->n_kernels == 1 && p->table.kernels == p->kernels && p->kernels != &row);
    CHECK(p->kernels[0].run == run && p->kernels[0].min_version == 1);
    CHECK(p->kernels[0].max_version == 1 && !p->has_device && !p->has_graph);
    CHECK(p->table.device == NULL && p->library == NULL && p->path != NULL);
    discard(p);
}

static void test_tables_of_older_and_younger_minors_fit(void) {
    /* Older: cut after `graph`; what lies behind must not be read. */
    unsigned char *old = malloc(PLUGIN_PREFIX); /* on the heap, so that ASan sees an overrun */
    CHECK(old != NULL);
    dvt_plugin raw = good();
    raw.struct_size = PLUGIN_PREFIX;
    raw.n_extensions = 77;
    memcpy(old, &raw, PLUGIN_PREFIX);
    dvf_plugin *p = accept((const dvt_plugin *)(void *)old);
    CHECK(p->table.struct_size == sizeof(dvt_plugin));
    CHECK(p->table.n_extensions == 0 && p->table.shutdown == NULL);
    discard(p);
    free(old);

    /* Younger: everything is longer, rows too. */
    struct {
        dvt_kernel_def row;
        uint64_t future[3];
    } rows[2] = {{row, {~UINT64_C(0), 1, 2}}, {row, {3, 4, 5}}};
    rows[1].row.op = "multiply";
    rows[1].row.min_version = 2;
    rows[1].row.max_version = 3;
    struct {
        dvt_device_api api;
        void *future[4];
    } device = {{.struct_size = sizeof device, .device_open = open_device, .device_info = info},
                {&said, &said, &said, &said}};
    struct {
        dvt_plugin plugin;
        uint64_t future[5];
    } young = {good(), {1, 2, 3, 4, 5}};
    young.plugin.struct_size = sizeof young;
    young.plugin.abi_version = DVT_ABI_VERSION + 7;
    young.plugin.kernels = &rows[0].row;
    young.plugin.kernel_def_size = sizeof rows[0];
    young.plugin.n_kernels = 2;
    young.plugin.device = &device.api;
    p = accept(&young.plugin);
    CHECK(strcmp(p->kernels[1].op, "multiply") == 0 && p->kernels[1].max_version == 3);
    CHECK(p->table.kernel_def_size == sizeof(dvt_kernel_def));
    CHECK(p->has_device && p->table.device == &p->device);
    CHECK(p->device.struct_size == sizeof(dvt_device_api) && p->device.alloc == NULL);
    discard(p);
}

static void test_versions(void) {
    dvt_plugin raw = good();
    raw.abi_required = 0; /* default */
    dvf_plugin *p = accept(&raw);
    CHECK(p->table.abi_required == 65536);
    discard(p);
    raw.abi_version = raw.abi_required = 2 * 65536;
    refuses(&raw, "built for device ABI 2.0 and needs 2.0; this Dovetail (" DVF_VERSION
                  ") serves 1.0 to 1.0");
    raw.abi_version = 0;
    raw.abi_required = 0;
    refuses(&raw, "same ABI major");
    raw.abi_version = raw.abi_required = DVT_ABI_VERSION + 3;
    refuses(&raw, "built for device ABI 1.3 and needs 1.3");
    CHECK(strstr(said.message, "upgrade dovetail") != NULL);
    raw.abi_version = 65536;
    refuses(&raw, "abi_required is wrong");
}

static void test_every_fault_gets_its_sentence(void) {
    refuses(NULL, "null table");
    dvt_plugin raw = good();
    raw.struct_size = 8;
    refuses(&raw, "size of its dvt_plugin is 8 bytes");
    raw.struct_size = PLUGIN_PREFIX - 1;
    refuses(&raw, "size of its dvt_plugin");
    raw.struct_size = 0x7fffffff;
    refuses(&raw, "size of its dvt_plugin");

    const char *const names[] = {NULL,  "",   "Hello", "a-b",
                                 "a b", "0a", "a:0",   "a23456789012345678901234567890123"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        raw = good();
        raw.name = names[i];
        refuses(&raw, "device word");
    }
    raw = good();
    raw.name = "a2345678901234567890123456789012"; /* 32 */
    discard(accept(&raw));

    raw = good();
    raw.kernels = NULL;
    refuses(&raw, "kernels is null");
    raw = good();
    raw.n_kernels = 2000000;
    refuses(&raw, "no plugin has so many");
    raw = good();
    raw.kernel_def_size = 8;
    refuses(&raw, "kernel_def_size");
    raw = good();
    raw.n_kernels = 0;
    refuses(&raw, "offers nothing");
    raw = good();
    raw.n_extensions = 1;
    refuses(&raw, "extensions is null");

    dvt_kernel_def bad = row;
    raw = good();
    raw.kernels = &bad;
    bad.op = NULL;
    refuses(&raw, "row 0 names no op");
    bad = row;
    bad.run = NULL;
    refuses(&raw, "row 0 (add) has neither run nor prepare");
    bad = row;
    bad.min_version = 3;
    bad.max_version = 2;
    refuses(&raw, "versions 3 to 2");

    dvt_device_api device = {.struct_size = sizeof device, .device_open = open_device};
    raw = good();
    raw.device = &device;
    refuses(&raw, "mandatory slot device_info null");
    device.device_info = info;
    device.device_open = NULL;
    refuses(&raw, "mandatory slot device_open null");
    device.struct_size = 16;
    refuses(&raw, "size of its device table");

    dvt_graph_api graph = {.struct_size = sizeof graph};
    raw = good();
    raw.graph = &graph;
    refuses(&raw, "mandatory slot compile null");
}

static void test_messages_are_cut_at_a_character(void) {
    struct {
        dvt_error error;
    } small = {{.struct_size = 32 + 60}};
    dvt_plugin raw = good();
    raw.name = "\xc3\xa9\xc3\xa9";
    memset(small.error.message, 'x', sizeof small.error.message);
    dvf_plugin *plugin = NULL;
    CHECK(dvf_adopt(&raw, &plugin, &small.error) < 0);
    /* The first half of a character never stands at the end. */
    size_t length = strlen(small.error.message);
    CHECK(length < 60 && small.error.message[60] == 'x');
    CHECK(length == 0 || ((unsigned char)small.error.message[length - 1] & 0xC0u) != 0xC0u);
}

static void test_files_that_are_no_plugin(void) {
    dvf_plugin *plugin = NULL;
    CHECK(dvf_load("libhello.so", &plugin, &said) < 0 && plugin == NULL);
    CHECK(strstr(said.message, "bare file name") != NULL);
    CHECK(dvf_load("/nowhere/libhello.so", &plugin, &said) == DVT_IO);
    CHECK(strstr(said.message, "cannot be opened") != NULL);
}

/* ---- host --------------------------------------------------------------------------------------- */

static char heard[4096];
static uint32_t lines;

static void listen(void *context, int32_t level, const char *text) {
    CHECK(context == &lines && level >= DVT_LOG_DEBUG && level <= DVT_LOG_ERROR);
    lines++;
    if (strlen(heard) + strlen(text) + 1 < sizeof heard) strcat(heard, text);
}

static void test_log_lines_are_queued_in_order_and_bounded(void) {
    const dvt_host *host = dvf_host();
    char text[] = "one ";
    host->log(host, DVT_LOG_INFO, text);
    memset(text, 'x', sizeof text - 1); /* the caller keeps its text */
    host->log(host, DVT_LOG_ERROR, "two");
    host->log(host, DVT_LOG_ERROR, NULL);
    CHECK(dvf_host_drain_log(listen, &lines) == 2 && lines == 2);
    CHECK(strcmp(heard, "one two") == 0);
    CHECK(dvf_host_drain_log(listen, &lines) == 0);
    for (int i = 0; i < MOST_LINES + 5; i++) host->log(host, DVT_LOG_DEBUG, "");
    lines = 0;
    CHECK(dvf_host_drain_log(listen, &lines) == MOST_LINES + 1 && lines == MOST_LINES + 1);
    CHECK(strstr(heard, "5 more lines") != NULL);
}

static void test_the_host_table_is_complete(void) {
    CHECK(dvf_host_init() == 0);
    const dvt_host *host = dvf_host();
    CHECK(host->struct_size == sizeof *host && host->abi_version == DVT_ABI_VERSION);
    CHECK(host->log && host->fail && host->get_extension && host->parallel_for);
    CHECK(strcmp(host->name, "dovetail") == 0 && host->n_threads >= 1);
    dvf_host_set_threads(3);
    CHECK(host->n_threads == 3);
    CHECK(host->get_extension(host, "dvt.none") == NULL);
    CHECK(host->fail(host, &said, DVT_INTERNAL, "why") == DVT_INTERNAL);
    CHECK(strcmp(said.message, "why") == 0 && said.code == DVT_INTERNAL);
    for (uint64_t alignment = 1; alignment <= 4096; alignment *= 2) {
        void *data = host->host_alloc(host, 100, alignment);
        CHECK(data != NULL && (uintptr_t)data % alignment == 0);
        memset(data, 1, 100);
        host->host_free(host, data, 100);
    }
    void *data = host->host_alloc(host, 0, 0);
    CHECK(data != NULL && (uintptr_t)data % 64 == 0);
    host->host_free(host, data, 0);
    CHECK(host->host_alloc(host, 100, 48) == NULL);
    CHECK(host->host_alloc(host, UINT64_MAX, 64) == NULL);
    host->host_free(host, NULL, 0);
}

static int has(const char *const *words, uint32_t count, const char *word) {
    for (uint32_t i = 0; i < count; i++)
        if (strcmp(words[i], word) == 0) return 1;
    return 0;
}

static void test_features_agree_with_the_compiler(void) {
    const char *words[DVF_MAX_FEATURES];
    uint32_t count = dvf_cpu_features(words);
    CHECK(count <= DVF_MAX_FEATURES);
    (void)has;
#if defined(__x86_64__)
#define SAME(word, name) CHECK(has(words, count, word) == (__builtin_cpu_supports(name) != 0))
    SAME("sse4_2", "sse4.2");
    SAME("avx", "avx");
    SAME("avx2", "avx2");
    SAME("fma", "fma");
    SAME("bmi2", "bmi2");
    SAME("avx512f", "avx512f");
    SAME("avx512bw", "avx512bw");
    SAME("avx512dq", "avx512dq");
    SAME("avx512vl", "avx512vl");
    SAME("avx512vnni", "avx512vnni");
    SAME("avx512bf16", "avx512bf16");
#endif
}

int main(void) {
#ifdef __AVX512F__
    if (!__builtin_cpu_supports("avx512f")) return 77;
#endif
    test_a_good_table_is_copied_whole();
    test_tables_of_older_and_younger_minors_fit();
    test_versions();
    test_every_fault_gets_its_sentence();
    test_messages_are_cut_at_a_character();
    test_files_that_are_no_plugin();
    test_log_lines_are_queued_in_order_and_bounded();
    test_the_host_table_is_complete();
    test_features_agree_with_the_compiler();
    printf("loader: ok\n");
    return 0;
}
