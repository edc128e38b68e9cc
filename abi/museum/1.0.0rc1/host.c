/* A host of 1.0.0rc1, the least that keeps its rules: loads the library it is given, checks what a host of
 * that header checks, and runs add on float32 arrays. Built with that header and nothing else; never
 * edited. Prints "ok" or what is wrong. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dovetail.h"

static void host_log(const dvt_host *host, int32_t level, const char *text) {
    (void)host;
    (void)level;
    fprintf(stderr, "%s\n", text);
}

static dvt_status host_fail(const dvt_host *host, dvt_error *error, dvt_status code,
                            const char *text) {
    (void)host;
    return dvt_set_error(error, code, text);
}

static const void *host_extension(const dvt_host *host, const char *name) {
    (void)host;
    (void)name;
    return NULL;
}

static void host_parallel(const dvt_host *host, uint64_t n, uint64_t grain, dvt_range_fn fn,
                          void *context) {
    (void)host;
    (void)grain;
    if (n > 0) fn(context, 0, n, 0);
}

static void *host_alloc(const dvt_host *host, uint64_t size, uint64_t alignment) {
    (void)host;
    size = (size + alignment - 1) / alignment * alignment;
    return aligned_alloc((size_t)alignment, (size_t)size);
}

static void host_free(const dvt_host *host, void *data, uint64_t size) {
    (void)host;
    (void)size;
    free(data);
}

static const dvt_host host = {.struct_size = sizeof host,
                              .abi_version = DVT_ABI_VERSION,
                              .n_threads = 1,
                              .name = "museum",
                              .version = "1.0.0rc1",
                              .log = host_log,
                              .fail = host_fail,
                              .get_extension = host_extension,
                              .parallel_for = host_parallel,
                              .host_alloc = host_alloc,
                              .host_free = host_free};

static int wrong(const char *what) {
    printf("%s\n", what);
    return 1;
}

static int run_add(const dvt_kernel_def *row) {
    float x[5] = {1, 2, 3, 4, 5}, y[5] = {10, 20, 30, 40, 50}, z[5] = {0};
    int64_t shape[1] = {5}, strides[1] = {1};
    dvt_tensor t[3];
    float *data[3] = {x, y, z};
    const dvt_tensor *in[2] = {&t[0], &t[1]}, *out[1] = {&t[2]};
    dvt_error error = {.struct_size = sizeof error};
    dvt_kernel_info info = {.struct_size = sizeof info};
    memset(t, 0, sizeof t);
    for (int i = 0; i < 3; i++) {
        t[i].data = data[i];
        t[i].place.type = DVT_PLACE_CPU;
        t[i].ndim = 1;
        t[i].dtype = (dvt_dtype){DVT_FLOAT, 32, 1};
        t[i].shape = shape;
        t[i].strides = strides;
    }
    dvt_op op = {.struct_size = sizeof op,
                 .name = "add",
                 .version = 1,
                 .n_inputs = 2,
                 .n_outputs = 1,
                 .inputs = in,
                 .outputs = out,
                 .host = &host};
    if (row->prepare != NULL && row->prepare(&op, &info, &error) != DVT_OK)
        return wrong("prepare refused float32 arrays");
    dvt_run_fn run = info.run != NULL ? info.run : row->run;
    if (run == NULL) return wrong("there is nothing to run");
    void *workspace = info.workspace_size > 0 ? host_alloc(&host, info.workspace_size, 64) : NULL;
    dvt_call call = {.struct_size = sizeof call,
                     .host = &host,
                     .kernel = info.kernel,
                     .inputs = in,
                     .outputs = out,
                     .n_inputs = 2,
                     .n_outputs = 1,
                     .workspace = workspace,
                     .workspace_size = info.workspace_size};
    if (run(&call, &error) != DVT_OK) return wrong(error.message);
    free(workspace);
    if (row->destroy != NULL && info.kernel != NULL) row->destroy(info.kernel);
    for (int i = 0; i < 5; i++)
        if (z[i] != x[i] + y[i]) return wrong("the sums are wrong");
    return 0;
}

int main(int argc, char **argv) {
    if (argc != 2) return wrong("usage: host LIBRARY");
    void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) return wrong(dlerror());
    dvt_plugin_query_fn query;
    *(void **)&query = dlsym(library, "dvt_plugin_query");
    if (query == NULL) return wrong("it has no dvt_plugin_query");
    dvt_error error = {.struct_size = sizeof error};
    if (query(131072, 131072 + 5, &host, &error) != NULL || error.message[0] == '\0')
        return wrong("it accepts a host of major 2, or gives no reason");
    const dvt_plugin *plugin = query(65536, DVT_ABI_VERSION, &host, &error);
    if (plugin == NULL) return wrong(error.message);
    if (plugin->struct_size < sizeof *plugin) return wrong("its dvt_plugin is too short");
    if (plugin->abi_version >> 16 != DVT_ABI_MAJOR) return wrong("it is of another major");
    if (plugin->abi_required > DVT_ABI_VERSION) return wrong("it needs a newer host");
    if (plugin->kernel_def_size < sizeof(dvt_kernel_def)) return wrong("its rows are too short");
    if (query(65536, DVT_ABI_VERSION, &host, &error) != plugin) return wrong("a second answer");
    for (uint32_t i = 0; i < plugin->n_kernels; i++) {
        const char *at = (const char *)plugin->kernels + (size_t)i * plugin->kernel_def_size;
        const dvt_kernel_def *row = (const dvt_kernel_def *)(const void *)at;
        if (strcmp(row->op, "add") == 0 && strstr(row->types, "f32") != NULL) {
            if (run_add(row) != 0) return 1;
            printf("ok\n");
            return 0;
        }
    }
    return wrong("it has no row for add");
}
