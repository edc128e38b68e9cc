/* Loading a plugin: open, ask, check, copy. Every refusal is one sentence that says what to do. */
#include "loader.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "host.h"

/* A struct of 1.0 must reach at least so far; what is longer only grew at the end. */
#define REACHES(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))
#define VERSIONS_PREFIX REACHES(dvt_plugin, abi_required)
#define PLUGIN_PREFIX REACHES(dvt_plugin, graph)
#define DEVICE_PREFIX REACHES(dvt_device_api, device_info)
#define GRAPH_PREFIX REACHES(dvt_graph_api, destroy)
#define ROW_PREFIX REACHES(dvt_kernel_def, prepare)

#define ABSURD_SIZE 65536 /* no struct of the header will ever be this long */
#define ABSURD_ROWS 1000000u
#define ABSURD_NAMES 4096u /* extensions */

#if defined(__GNUC__)
__attribute__((format(printf, 3, 4)))
#endif
static dvt_status refuse(dvt_error *error, dvt_status code, const char *format, ...) {
    char text[2 * sizeof error->message]; /* dvt_set_error cuts at a character */
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return dvt_set_error(error, code, text);
}

#define MAJOR(version) ((unsigned)((version) >> 16))
#define MINOR(version) ((unsigned)((version) & 0xFFFFu))

static dvt_status check_versions(const dvt_plugin *raw, const char *path, dvt_error *error) {
    /* Zero means default: the first minor of the major it was built with. */
    uint32_t built = raw->abi_version;
    uint32_t needed = raw->abi_required != 0 ? raw->abi_required : built & 0xFFFF0000u;
    if (MAJOR(built) != DVT_ABI_MAJOR || MAJOR(needed) != DVT_ABI_MAJOR)
        return refuse(
            error, DVT_INCOMPATIBLE,
            "%s was built for device ABI %u.%u and needs %u.%u; this Dovetail (%s) serves "
            "%u.%u to %u.%u: install a plugin and a Dovetail of the same ABI major",
            path, MAJOR(built), MINOR(built), MAJOR(needed), MINOR(needed), DVF_VERSION,
            MAJOR(DVF_HOST_MIN), MINOR(DVF_HOST_MIN), MAJOR(DVT_ABI_VERSION),
            MINOR(DVT_ABI_VERSION));
    if (needed > built)
        return refuse(error, DVT_INCOMPATIBLE,
                      "%s says that it was built for device ABI %u.%u but needs %u.%u, which is "
                      "younger: its abi_required is wrong; report this to its maker",
                      path, MAJOR(built), MINOR(built), MAJOR(needed), MINOR(needed));
    if (needed > DVT_ABI_VERSION)
        return refuse(
            error, DVT_INCOMPATIBLE,
            "%s was built for device ABI %u.%u and needs %u.%u; this Dovetail (%s) serves "
            "%u.%u to %u.%u: upgrade dovetail, or install an older release of the plugin",
            path, MAJOR(built), MINOR(built), MAJOR(needed), MINOR(needed), DVF_VERSION,
            MAJOR(DVF_HOST_MIN), MINOR(DVF_HOST_MIN), MAJOR(DVT_ABI_VERSION),
            MINOR(DVT_ABI_VERSION));
    return DVT_OK;
}

static dvt_status check_size(uint64_t size, uint64_t least, const char *what, const char *path,
                             dvt_error *error) {
    if (size >= least && size < ABSURD_SIZE) {
        /* A size between two fields would leave half a pointer, and no sizeof is one. */
        if (size % _Alignof(dvt_plugin) == 0) return DVT_OK;
        return refuse(error, DVT_INCOMPATIBLE,
                      "%s: the size of its %s is %llu bytes, which no sizeof is: it would cut a "
                      "field in two; set it to sizeof and build the plugin again",
                      path, what, (unsigned long long)size);
    }
    return refuse(error, DVT_INCOMPATIBLE,
                  "%s: the size of its %s is %llu bytes, but the mandatory part of ABI 1.0 takes "
                  "%llu; set it to sizeof and build the plugin again",
                  path, what, (unsigned long long)size, (unsigned long long)least);
}

/* A device word: what stands before the colon in "hello:0". */
static int is_word(const char *name) {
    if (name == NULL || name[0] < 'a' || name[0] > 'z') return 0;
    size_t n = 1;
    for (; name[n] != '\0' && n < 32; n++) {
        char c = name[n];
        if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return 0;
    }
    return name[n] == '\0';
}

static void copy_table(void *to, uint32_t room, const void *from, uint32_t size) {
    memset(to, 0, room);
    memcpy(to, from, size < room ? size : room);
    memcpy(to, &room, sizeof room); /* struct_size comes first in every table */
}

static dvt_status copy_kernels(dvf_plugin *plugin, const char *path, dvt_error *error) {
    const dvt_plugin *table = &plugin->table;
    uint32_t count = table->n_kernels, stride = table->kernel_def_size;
    plugin->table.kernel_def_size = sizeof(dvt_kernel_def);
    if (count == 0) {
        plugin->table.kernels = NULL;
        return DVT_OK;
    }
    if (table->kernels == NULL || count > ABSURD_ROWS)
        return refuse(error, DVT_INCOMPATIBLE,
                      "%s promises %u kernel rows, but %s; set kernels and n_kernels together",
                      path, count,
                      table->kernels == NULL ? "kernels is null" : "no plugin has so many");
    dvt_status status =
        check_size(stride, ROW_PREFIX, "kernel rows (kernel_def_size)", path, error);
    if (status != DVT_OK) return status;
    plugin->kernels = calloc(count, sizeof *plugin->kernels);
    if (plugin->kernels == NULL)
        return refuse(error, DVT_OUT_OF_MEMORY, "%s: no memory for %u kernel rows", path, count);
    uint32_t size = stride < sizeof(dvt_kernel_def) ? stride : (uint32_t)sizeof(dvt_kernel_def);
    for (uint32_t i = 0; i < count; i++) {
        dvt_kernel_def *row = &plugin->kernels[i];
        memcpy(row, (const char *)table->kernels + (uint64_t)i * stride, size);
        if (row->op == NULL || row->op[0] == '\0')
            return refuse(error, DVT_INCOMPATIBLE, "%s: kernel row %u names no op", path, i);
        if (row->run == NULL && row->prepare == NULL)
            return refuse(error, DVT_INCOMPATIBLE,
                          "%s: kernel row %u (%s) has neither run nor prepare; fill one of them",
                          path, i, row->op);
        if (row->min_version == 0) row->min_version = 1; /* zero means default: the first meaning */
        if (row->max_version == 0) row->max_version = row->min_version;
        if (row->max_version < row->min_version)
            return refuse(error, DVT_INCOMPATIBLE,
                          "%s: kernel row %u (%s) covers op versions %u to %u, which is no range",
                          path, i, row->op, row->min_version, row->max_version);
    }
    plugin->n_kernels = count;
    plugin->table.kernels = plugin->kernels;
    return DVT_OK;
}

static dvt_status check_extensions(const dvt_plugin *table, const char *path, dvt_error *error) {
    uint32_t count = table->n_extensions;
    if (count != 0 && (table->extensions == NULL || count > ABSURD_NAMES))
        return refuse(error, DVT_INCOMPATIBLE,
                      "%s promises %u extension names, but %s; set extensions and n_extensions "
                      "together",
                      path, count,
                      table->extensions == NULL ? "extensions is null" : "there are not so many");
    for (uint32_t i = 0; i < count; i++)
        if (table->extensions[i] == NULL || table->extensions[i][0] == '\0')
            return refuse(error, DVT_INCOMPATIBLE, "%s: name %u of its extensions is %s", path, i,
                          table->extensions[i] == NULL ? "null" : "empty");
    return DVT_OK;
}

static dvt_status missing(const char *path, const char *table, const char *slot, dvt_error *error) {
    return refuse(error, DVT_INCOMPATIBLE,
                  "%s: its %s table leaves the mandatory slot %s null; fill it, or leave the whole "
                  "table out",
                  path, table, slot);
}

static dvt_status copy_device(dvf_plugin *plugin, const char *path, dvt_error *error) {
    const dvt_device_api *raw = plugin->table.device;
    if (raw == NULL) return DVT_OK;
    dvt_status status = check_size(raw->struct_size, DEVICE_PREFIX, "device table", path, error);
    if (status != DVT_OK) return status;
    copy_table(&plugin->device, sizeof plugin->device, raw, raw->struct_size);
    if (plugin->device.device_open == NULL) return missing(path, "device", "device_open", error);
    if (plugin->device.device_info == NULL) return missing(path, "device", "device_info", error);
    plugin->has_device = 1;
    plugin->table.device = &plugin->device;
    return DVT_OK;
}

static dvt_status copy_graph(dvf_plugin *plugin, const char *path, dvt_error *error) {
    const dvt_graph_api *raw = plugin->table.graph;
    if (raw == NULL) return DVT_OK;
    dvt_status status = check_size(raw->struct_size, GRAPH_PREFIX, "graph table", path, error);
    if (status != DVT_OK) return status;
    copy_table(&plugin->graph, sizeof plugin->graph, raw, raw->struct_size);
    if (plugin->graph.compile == NULL) return missing(path, "graph", "compile", error);
    if (plugin->graph.execute == NULL) return missing(path, "graph", "execute", error);
    if (plugin->graph.destroy == NULL) return missing(path, "graph", "destroy", error);
    plugin->has_graph = 1;
    plugin->table.graph = &plugin->graph;
    return DVT_OK;
}

static dvt_status normalise(const dvt_plugin *raw, dvf_plugin *plugin, const char *path,
                            dvt_error *error) {
    /* Another major may lay the rest out differently, so the versions come first. */
    dvt_status status = check_size(raw->struct_size, VERSIONS_PREFIX, "dvt_plugin", path, error);
    if (status == DVT_OK) status = check_versions(raw, path, error);
    if (status == DVT_OK)
        status = check_size(raw->struct_size, PLUGIN_PREFIX, "dvt_plugin", path, error);
    if (status != DVT_OK) return status;
    copy_table(&plugin->table, sizeof plugin->table, raw, raw->struct_size);
    dvt_plugin *table = &plugin->table;
    if (table->abi_required == 0) table->abi_required = table->abi_version & 0xFFFF0000u;
    if (table->version == NULL) table->version = "unknown";
    if (!is_word(table->name))
        return refuse(
            error, DVT_INCOMPATIBLE,
            "%s calls its device '%.40s'; a device word has 1 to 32 of the characters a-z, "
            "0-9 and _, and begins with a letter",
            path, table->name != NULL ? table->name : "(null)");
    status = check_extensions(table, path, error);
    if (status == DVT_OK) status = copy_kernels(plugin, path, error);
    if (status == DVT_OK) status = copy_device(plugin, path, error);
    if (status == DVT_OK) status = copy_graph(plugin, path, error);
    if (status != DVT_OK) return status;
    if (plugin->n_kernels == 0 && !plugin->has_device && !plugin->has_graph)
        return refuse(error, DVT_INCOMPATIBLE,
                      "%s offers nothing: no kernel row, no device table and no graph table; one "
                      "kernel row is enough",
                      path);
    return DVT_OK;
}

static void discard(dvf_plugin *plugin) {
    free(plugin->kernels);
    free(plugin->path);
    free(plugin);
}

static dvt_status prepare_row(dvf_plugin *plugin, uint32_t row, const dvt_op *op,
                              dvt_kernel_info *info, dvf_destroy_fn *destroy, dvt_error *error) {
    const dvt_kernel_def *def = &plugin->kernels[row];
    *destroy = def->destroy;
    dvt_status status = def->prepare != NULL ? def->prepare(op, info, error) : DVT_OK;
    if (status != DVT_OK) {
        info->kernel = NULL; /* what stands beside a refusal was not handed over */
        return status;
    }
    if (info->run == NULL) info->run = def->run;
    if (info->run != NULL) return DVT_OK;
    if (info->kernel != NULL && def->destroy != NULL) def->destroy(info->kernel);
    info->kernel = NULL;
    info->reason = "its kernel row gives no function to run";
    return DVT_UNSUPPORTED;
}

static dvt_status adopt(const dvt_plugin *raw, void *library, const char *path, dvf_plugin **out,
                        dvt_error *error) {
    dvf_plugin *plugin = calloc(1, sizeof *plugin);
    char *copy = plugin != NULL ? strdup(path) : NULL;
    if (copy == NULL) {
        free(plugin);
        return refuse(error, DVT_OUT_OF_MEMORY, "%s: no memory to load it", path);
    }
    plugin->library = library;
    plugin->path = copy;
    plugin->host = dvf_host();
    plugin->prepare_row = prepare_row;
    dvt_status status = normalise(raw, plugin, path, error);
    if (status != DVT_OK) {
        discard(plugin);
        return status;
    }
    *out = plugin;
    return DVT_OK;
}

dvt_status dvf_adopt(const dvt_plugin *raw, dvf_plugin **plugin, dvt_error *error) {
    *plugin = NULL;
    if (raw == NULL)
        return refuse(error, DVT_INVALID_ARGUMENT, "a null table is no plugin to adopt");
    return adopt(raw, NULL, "the statically linked plugin", plugin, error);
}

dvt_status dvf_load(const char *path, dvf_plugin **plugin, dvt_error *error) {
    *plugin = NULL;
    if (strchr(path, '/') == NULL)
        return refuse(error, DVT_INVALID_ARGUMENT,
                      "'%s' is a bare file name; give the whole path, since plugins are never "
                      "searched for",
                      path);
    void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (library == NULL) {
        const char *reason = dlerror();
        return refuse(error, DVT_IO, "%s cannot be opened: %s", path,
                      reason != NULL ? reason : "the system gave no reason");
    }
    dvt_plugin_query_fn query = NULL;
    void *symbol = dlsym(library, "dvt_plugin_query");
    memcpy(&query, &symbol, sizeof query); /* ISO C has no cast from an object to a function */
    if (query == NULL) {
        dlclose(library); /* none of its functions was called */
        return refuse(
            error, DVT_INCOMPATIBLE,
            "%s exports no dvt_plugin_query, so it is no Dovetail plugin; export that one "
            "symbol (dovetail.h declares it), or name another file",
            path);
    }
    dvt_error answer = {.struct_size = sizeof answer};
    const dvt_plugin *raw = query(DVF_HOST_MIN, DVT_ABI_VERSION, dvf_host(), &answer);
    if (raw == NULL) {
        answer.message[sizeof answer.message - 1] = '\0';
        return refuse(error, DVT_INCOMPATIBLE,
                      "%s refused this Dovetail (%s), which serves device ABI %u.%u to %u.%u: %s",
                      path, DVF_VERSION, MAJOR(DVF_HOST_MIN), MINOR(DVF_HOST_MIN),
                      MAJOR(DVT_ABI_VERSION), MINOR(DVT_ABI_VERSION),
                      answer.message[0] != '\0' ? answer.message : "it gave no reason");
    }
    return adopt(raw, library, path, plugin, error);
}
