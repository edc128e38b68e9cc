/* Two backends in one program, each with an entry of its own name (-DDVT_PLUGIN_QUERY=...), adopted by
 * the core's loader without a library file. Prints "ok" or what is wrong. */
#define DVF_NO_PYTHON
#include "../../core/csrc/fast/host.c"
#include "../../core/csrc/fast/loader.c"
#include "../../core/csrc/fast/pool.c"

extern const dvt_plugin *first_dvt_plugin_query(uint32_t host_min, uint32_t host_max,
                                                const dvt_host *host, dvt_error *error);
extern const dvt_plugin *second_dvt_plugin_query(uint32_t host_min, uint32_t host_max,
                                                 const dvt_host *host, dvt_error *error);

static int visit(dvt_plugin_query_fn query, const char *name) {
    dvt_error error = {.struct_size = sizeof error};
    dvf_plugin *plugin = NULL;
    const dvt_plugin *raw = query(DVF_HOST_MIN, DVT_ABI_VERSION, dvf_host(), &error);
    if (dvf_adopt(raw, &plugin, &error) != DVT_OK) {
        printf("%s\n", error.message);
        return 1;
    }
    float x[2] = {1, 2}, z[2] = {0, 0};
    int64_t two = 2, one = 1;
    dvt_tensor in = {
        .data = x, .ndim = 1, .dtype = {DVT_FLOAT, 32, 1}, .shape = &two, .strides = &one};
    dvt_tensor out = in;
    out.data = z;
    const dvt_tensor *inputs[] = {&in, &in}, *outputs[] = {&out};
    dvt_kernel_info info = {.struct_size = sizeof info};
    dvt_op op = {.struct_size = sizeof op, .name = "add", .version = 1, .host = plugin->host};
    dvt_call call = {.struct_size = sizeof call,
                     .host = plugin->host,
                     .inputs = inputs,
                     .outputs = outputs,
                     .n_inputs = 2,
                     .n_outputs = 1};
    dvf_destroy_fn destroy = NULL;
    int well = strcmp(plugin->table.name, name) == 0 && plugin->library == NULL &&
               plugin->prepare_row(plugin, 0, &op, &info, &destroy, &error) == DVT_OK &&
               info.run(&call, &error) == DVT_OK && z[0] == 2 && z[1] == 4;
    if (!well) printf("%s does not add: %s\n", name, error.message);
    return !well;
}

int main(void) {
    if (visit(first_dvt_plugin_query, "first") || visit(second_dvt_plugin_query, "second"))
        return 1;
    printf("ok\n");
    return 0;
}
