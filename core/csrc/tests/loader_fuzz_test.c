/* 10,000 random plugins, each adopted and then called as the core calls one: tables cut and grown at any
 * size, absurd counts, null fields, names and versions of all kinds, prepare functions that refuse,
 * fail or forget. A model says beside each table whether it must be accepted and, if not, with which
 * words. Every table lies in memory of exactly its size, so that a read too far is seen by a sanitizer.
 *
 * usage: loader_fuzz_test [FIRST_SEED [COUNT]] */
#define DVF_NO_PYTHON
#include "../fast/features.c"
#include "../fast/host.c"
#include "../fast/loader.c"
#include "../fast/pool.c"

static uint64_t seed, throws;

#define CHECK(condition)                                                                           \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: seed %llu: %s does not hold; the loader said: %s\n", __FILE__, \
                    __LINE__, (unsigned long long)seed, #condition, said.message);                 \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)

static dvt_error said;

static uint32_t dice(uint32_t n) {
    uint64_t z = seed * UINT64_C(0x9E3779B97F4A7C15) + ++throws * UINT64_C(0xD1342543DE82EF95);
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)((z ^ (z >> 31)) >> 32) % n;
}

static int rarely(void) {
    return dice(24) == 0;
}

/* ---- the model: which words a refusal may use --------------------------------------------------- */

#define MOST_WORDS 64
static const char *words[MOST_WORDS];
static uint32_t n_words;

static void wrong(const char *text) {
    CHECK(n_words < MOST_WORDS);
    words[n_words++] = text;
}

/* A size for a struct of which `least` bytes are mandatory; most are right. */
static uint32_t a_size(uint32_t least, uint32_t whole, const char *text) {
    static const uint32_t absurd[] = {0, 1, 4, 7, 8, 65536, 65544, 0x7fffffff, 0x80000000, ~0u};
    uint32_t size = whole;
    uint32_t kind = dice(12);
    if (kind == 0) size = least + dice(whole - least + 64);
    if (kind == 1) size = least + 8 * dice((whole - least) / 8 + 8);
    if (kind == 2) size = whole + 8 * dice(100);
    if (rarely()) size = dice(2) ? absurd[dice(10)] : dice(least);
    if (size < least || size >= 65536 || size % 8 != 0) wrong(text);
    return size;
}

/* ---- what a plugin offers ------------------------------------------------------------------------ */

static int64_t kernels_live;
static int can_destroy; /* the rows reach to destroy: without it no honest prepare makes a kernel */
static uint32_t runs, prepares;

static dvt_status run_a(const dvt_call *call, dvt_error *error) {
    CHECK(call->struct_size == sizeof *call && call->host == dvf_host());
    runs++;
    return dice(4) ? DVT_OK : dvt_set_error(error, DVT_INTERNAL, "a failed");
}

static dvt_status run_b(const dvt_call *call, dvt_error *error) {
    CHECK((call->kernel != NULL) == (call->tag == 1));
    (void)error;
    runs++;
    return DVT_OK;
}

/* Answers of all kinds; op->device carries what the row's run is, for the model. */
static dvt_status prepare(const dvt_op *op, dvt_kernel_info *info, dvt_error *error) {
    CHECK(op->struct_size == sizeof *op && info->struct_size == sizeof *info);
    CHECK(info->run == NULL && info->kernel == NULL && info->workspace_size == 0);
    prepares++;
    info->workspace_size = dice(2) ? UINT64_MAX : 0;
    if (dice(2)) info->run = run_b;
    if (can_destroy && dice(2)) {
        info->kernel = malloc(1);
        kernels_live++;
    }
    uint32_t kind = dice(6);
    if (kind > 1) return DVT_OK;
    free(info->kernel); /* a refusal hands nothing over, whatever is left standing there */
    if (info->kernel != NULL) kernels_live--;
    if (kind == 0) {
        info->reason = dice(2) ? "no" : NULL;
        return DVT_UNSUPPORTED;
    }
    return dvt_set_error(error, -1 - (dvt_status)dice(9), "prepare failed");
}

static void destroy(dvt_kernel *kernel) {
    free(kernel);
    kernels_live--;
}

/* Slots: function pointers in a row behind the 8 bytes of size and flags. */
#define DEVICE_SLOTS ((sizeof(dvt_device_api) - 8) / sizeof(void *))
#define GRAPH_SLOTS ((sizeof(dvt_graph_api) - 8) / sizeof(void *))
static char marks[64]; /* addresses that no function has, one for each slot */

/* A table of `size` bytes in memory of its own; slots[] is what the copy must hold. */
static void *a_table(uint32_t size, uint32_t whole, void **slots, uint32_t n_slots,
                     const uint32_t *mandatory, const char *const *texts) {
    uint32_t room = size > 65536 || size < 8 ? 8 : size;
    char *table = malloc(room);
    CHECK(table != NULL);
    memset(table, 0xA5, room);
    memcpy(table, &size, 4);
    for (uint32_t i = 0; i < n_slots; i++) {
        slots[i] = rarely() || dice(3) == 0 ? NULL : &marks[i];
        for (uint32_t m = 0; mandatory[m] != ~0u; m++) {
            if (mandatory[m] != i) continue;
            slots[i] = rarely() ? NULL : &marks[i];
            if (slots[i] == NULL) wrong(texts[m]);
        }
        uint32_t at = 8 + i * (uint32_t)sizeof(void *);
        if (at + sizeof(void *) <= room) memcpy(table + at, &slots[i], sizeof(void *));
        if (at + sizeof(void *) > size) slots[i] = NULL; /* behind the cut */
    }
    (void)whole;
    return table;
}

static char *a_name(void) {
    static const char *const good[] = {"a", "acme", "a_2", "a2345678901234567890123456789012"};
    static const char *const bad[] = {"",    "Acme", "a-b",
                                      "0a",  "a:0",  "\xff\xfe",
                                      "a b", "_a",   "a23456789012345678901234567890123"};
    if (!rarely()) return strdup(good[dice(4)]);
    wrong("a device word has 1 to 32 of the characters");
    if (dice(4) == 0) return NULL;
    if (dice(4) != 0) return strdup(bad[dice(9)]);
    size_t n = 33 + dice(5000); /* a whole book */
    char *name = malloc(n + 1);
    CHECK(name != NULL);
    memset(name, 'a', n);
    name[n] = '\0';
    return name;
}

typedef struct exhibit {
    dvt_plugin *table;
    void *device, *graph, *device_slots[DEVICE_SLOTS], *graph_slots[GRAPH_SLOTS];
    char *name, *rows;
    const char **extensions;
    uint32_t n_rows, stride, size, n_extensions;
} exhibit;

static void rows(exhibit *x, dvt_plugin *p) {
    x->n_rows = dice(8);
    uint32_t before = n_words;
    x->stride = a_size(ROW_PREFIX, sizeof(dvt_kernel_def), "kernel_def_size");
    if (x->n_rows == 0) n_words = before; /* nobody looks at the stride of no rows */
    p->n_kernels = x->n_rows;
    p->kernel_def_size = x->stride;
    if (x->n_rows == 0) return;
    uint32_t step = x->stride > 65536 ? 8 : x->stride;
    x->rows = malloc((size_t)x->n_rows * step + 1);
    CHECK(x->rows != NULL);
    memset(x->rows, 0x5A, (size_t)x->n_rows * step + 1);
    for (uint32_t i = 0; i < x->n_rows; i++) {
        static const char *const ops[] = {"add", "sum", "op_of_the_future", "\xff", "a b"};
        dvt_kernel_def row = {.op = ops[dice(5)],
                              .types = dice(2) ? "T=f32" : NULL,
                              .min_version = dice(3),
                              .flags = dice(2) ? dice(16) : ~0u,
                              .priority = (int32_t)dice(5) - 2,
                              .host_inputs = dice(2) ? 0 : ~UINT64_C(0),
                              .run = dice(3) ? run_a : NULL,
                              .destroy = destroy};
        row.max_version = row.min_version + dice(2);
        row.prepare = row.run == NULL || dice(2) ? prepare : NULL;
        if (rarely()) row.op = dice(2) ? NULL : "";
        if (row.op == NULL || row.op[0] == '\0') wrong("names no op");
        if (rarely()) {
            row.run = NULL;
            row.prepare = NULL;
            wrong("has neither run nor prepare");
        }
        if (rarely()) {
            row.min_version = 5;
            row.max_version = 4;
            wrong("which is no range");
        }
        memcpy(x->rows + (size_t)i * step, &row, step < sizeof row ? step : sizeof row);
    }
    p->kernels = (const dvt_kernel_def *)(const void *)x->rows;
    if (rarely()) {
        p->kernels = NULL;
        wrong("kernels is null");
    } else if (rarely()) {
        p->n_kernels = 1000001 + dice(1000000);
        wrong("no plugin has so many");
    }
}

static void extensions(exhibit *x, dvt_plugin *p) {
    uint32_t reaches = offsetof(dvt_plugin, n_extensions) + 4; /* cut before: there are none */
    uint32_t before = n_words;
    x->n_extensions = dice(3) ? 0 : dice(6);
    p->n_extensions = x->n_extensions;
    if (x->n_extensions != 0) {
        x->extensions = malloc(x->n_extensions * sizeof *x->extensions);
        CHECK(x->extensions != NULL);
        for (uint32_t i = 0; i < x->n_extensions; i++) {
            x->extensions[i] = dice(2) ? "dvt.of_the_future" : "com.acme.\xff";
            if (rarely()) {
                x->extensions[i] = dice(2) ? "" : NULL;
                wrong("of its extensions is");
            }
        }
        p->extensions = x->extensions;
        if (rarely()) {
            p->extensions = NULL;
            wrong("extensions is null");
        } else if (rarely()) {
            p->n_extensions = 4097 + dice(1u << 30);
            wrong("there are not so many");
        }
    }
    if (x->size < reaches) n_words = before;
}

static void versions(dvt_plugin *p) {
    uint32_t minor = dice(4);
    p->abi_version = DVT_ABI_VERSION + minor; /* younger ones included */
    p->abi_required = dice(3) ? 65536 : 0;
    if (!rarely()) return;
    switch (dice(4)) {
    case 0:
        p->abi_version = p->abi_required = (2 + dice(5)) * 65536 + minor;
        wrong("same ABI major");
        break;
    case 1:
        p->abi_version = dice(65536);
        p->abi_required = 0;
        wrong("same ABI major");
        break;
    case 2:
        p->abi_version = p->abi_required = DVT_ABI_VERSION + 1 + minor;
        wrong("upgrade dovetail");
        break;
    default:
        p->abi_required = p->abi_version + 1;
        wrong("its abi_required is wrong");
    }
}

static exhibit a_plugin(void) {
    static const uint32_t device_needs[] = {1, 3, ~0u}, graph_needs[] = {1, 2, 3, ~0u};
    static const char *const device_texts[] = {"mandatory slot device_open null",
                                               "mandatory slot device_info null"};
    static const char *const graph_texts[] = {"mandatory slot compile null",
                                              "mandatory slot execute null",
                                              "mandatory slot destroy null"};
    exhibit x = {0};
    n_words = 0;
    x.size = a_size(PLUGIN_PREFIX, sizeof(dvt_plugin), "size of its dvt_plugin");
    dvt_plugin p = {.struct_size = x.size, .flags = dice(2) ? 0 : ~0u};
    versions(&p);
    p.name = x.name = a_name();
    p.version = dice(4) ? "1.0" : NULL;
    rows(&x, &p);
    if (dice(2)) {
        uint32_t size = a_size(DEVICE_PREFIX, sizeof(dvt_device_api), "size of its device table");
        p.device = x.device = a_table(size, sizeof(dvt_device_api), x.device_slots, DEVICE_SLOTS,
                                      device_needs, device_texts);
    }
    if (dice(2)) {
        uint32_t size = a_size(GRAPH_PREFIX, sizeof(dvt_graph_api), "size of its graph table");
        p.graph = x.graph = a_table(size, sizeof(dvt_graph_api), x.graph_slots, GRAPH_SLOTS,
                                    graph_needs, graph_texts);
    }
    extensions(&x, &p);
    if (x.n_rows == 0 && p.device == NULL && p.graph == NULL) wrong("offers nothing");
    uint32_t room = x.size < 65536 && x.size > 4 ? x.size : 4; /* its size alone can be read */
    if (x.size >= 65536) room = sizeof p;
    x.table = malloc(room);
    CHECK(x.table != NULL);
    memset(x.table, 0xA5, room);
    memcpy(x.table, &p, room < sizeof p ? room : sizeof p);
    return x;
}

static void drop(exhibit *x) {
    free(x->table);
    free(x->device);
    free(x->graph);
    free(x->rows);
    free((void *)x->extensions);
    free(x->name);
}

/* ---- calls, as the core makes them ---------------------------------------------------------------- */

static void check_copy(const exhibit *x, const dvf_plugin *p) {
    CHECK(p->table.struct_size == sizeof(dvt_plugin) && p->n_kernels == x->n_rows);
    CHECK(p->has_device == (x->device != NULL) && p->has_graph == (x->graph != NULL));
    CHECK(memcmp((const char *)&p->device + 8, x->device_slots, sizeof x->device_slots) == 0);
    CHECK(memcmp((const char *)&p->graph + 8, x->graph_slots, sizeof x->graph_slots) == 0);
    CHECK(p->table.device == (p->has_device ? &p->device : NULL));
    CHECK(p->table.graph == (p->has_graph ? &p->graph : NULL));
    CHECK(p->table.version != NULL && p->path != NULL && p->host == dvf_host());
    uint32_t reach = offsetof(dvt_plugin, n_extensions) + 4;
    CHECK(p->table.n_extensions == (x->size < reach ? 0 : x->n_extensions));
    for (uint32_t i = 0; i < p->n_kernels; i++) {
        const dvt_kernel_def *row = &p->kernels[i];
        CHECK(row->min_version >= 1 && row->max_version >= row->min_version);
        CHECK(row->destroy == (x->stride < sizeof *row ? NULL : destroy)); /* not half of it */
    }
}

static void call_a_row(dvf_plugin *p) {
    uint32_t row = dice(p->n_kernels);
    const dvt_kernel_def *def = &p->kernels[row];
    dvt_op op = {.struct_size = sizeof op, .name = def->op, .version = 1, .host = p->host};
    dvt_kernel_info info = {.struct_size = sizeof info};
    dvf_destroy_fn free_kernel = NULL;
    can_destroy = def->destroy != NULL;
    dvt_status status = p->prepare_row(p, row, &op, &info, &free_kernel, &said);
    CHECK(free_kernel == def->destroy);
    if (status == DVT_OK) {
        CHECK(info.run != NULL && (def->prepare != NULL || info.run == def->run));
        dvt_call call = {.struct_size = sizeof call,
                         .host = p->host,
                         .kernel = info.kernel,
                         .tag = info.kernel != NULL};
        for (uint32_t k = dice(3); k > 0; k--) (void)info.run(&call, &said);
        if (info.kernel != NULL) free_kernel(info.kernel);
    } else {
        CHECK(info.kernel == NULL); /* nothing for the core to free, now or never */
        CHECK(status != DVT_UNSUPPORTED || def->prepare != NULL);
    }
    CHECK(kernels_live == 0);
}

static void check_refusal(dvt_status status) {
    int known = 0;
    CHECK(status == DVT_INCOMPATIBLE && said.code == status);
    CHECK(strncmp(said.message, "the statically linked plugin", 28) == 0 && said.message[40] != 0);
    for (uint32_t i = 0; i < n_words; i++) known |= strstr(said.message, words[i]) != NULL;
    CHECK(known);
}

int main(int argc, char **argv) {
    uint64_t start = argc > 1 ? strtoull(argv[1], NULL, 10) : 0;
    uint64_t count = argc > 2 ? strtoull(argv[2], NULL, 10) : 10000, accepted = 0;
    CHECK(dvf_host_init() == 0);
    for (seed = start; seed < start + count; seed++) {
        throws = 0;
        exhibit x = a_plugin();
        dvf_plugin *p = (dvf_plugin *)(void *)marks; /* must be overwritten */
        said = (dvt_error){.struct_size = sizeof said};
        dvt_status status = dvf_adopt(x.table, &p, &said);
        CHECK((status == DVT_OK) == (n_words == 0) && (p != NULL) == (status == DVT_OK));
        if (p == NULL) {
            check_refusal(status);
            drop(&x);
            continue;
        }
        accepted++;
        check_copy(&x, p);
        for (uint32_t calls = dice(12); calls > 0 && p->n_kernels > 0; calls--) call_a_row(p);
        CHECK(kernels_live == 0);
        drop(&x);
        discard(p);
    }
    CHECK(accepted > count / 5 && accepted < count - count / 5 && runs > count / 2 &&
          prepares > count / 2);
    printf("loader_fuzz: %llu sequences, %llu plugins accepted, %u prepared, %u run\n",
           (unsigned long long)count, (unsigned long long)accepted, prepares, runs);
    return 0;
}
