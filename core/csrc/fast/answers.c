/* Checks on a plugin's answers: sizes, alignments, handles and texts that no honest plugin gives. */
#include "answers.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

/* A struct of 1.0 reaches so far; a younger one is longer, and no longer than the host's own. */
#define REACHES(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))
/* No memory is larger, and sums of such sizes stay far from 2^64. */
#define MOST_WORKSPACE (UINT64_C(1) << 46)
#define MOST_ALIGNMENT (UINT64_C(1) << 30)

PyObject *dvf_plugin_text(const char *text, const char *otherwise) {
    if (text == NULL || text[0] == '\0') text = otherwise;
    return PyUnicode_DecodeUTF8(text, (Py_ssize_t)strlen(text), "replace");
}

const char *dvf_error_text(dvt_error *error) {
    error->message[sizeof error->message - 1] = '\0';
    return error->message;
}

int dvf_broken(const char *what, const char *device, const char *slot, const char *format, ...) {
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    PyErr_Format(dvf_DeviceError,
                 "%s on %s: its %s breaks the device ABI: %s; report this to the plugin's maker",
                 what, device, slot, text);
    return -1;
}

static int bad_alignment(uint64_t alignment) {
    return (alignment & (alignment - 1)) != 0 || alignment > MOST_ALIGNMENT;
}

static int check_workspace(uint64_t size, uint64_t alignment, const dvf_device *device,
                           const char *what, const char *slot) {
    const char *name = PyUnicode_AsUTF8(device->name);
    if (size > MOST_WORKSPACE)
        return dvf_broken(what, name, slot, "it asks for a workspace of %llu bytes",
                          (unsigned long long)size);
    if (bad_alignment(alignment))
        return dvf_broken(what, name, slot,
                          "it asks for a workspace aligned to %llu, which is no power of two up to "
                          "2^30",
                          (unsigned long long)alignment);
    if (size > 0 && device->opaque && alignment > device->alignment)
        return dvf_broken(what, name, slot,
                          "it asks for a workspace aligned to %llu, but handles of its memory "
                          "cannot be moved and its space promises %u alone",
                          (unsigned long long)alignment, (unsigned)device->alignment);
    return 0;
}

static int check_size(uint64_t size, uint64_t least, uint64_t most, const char *device,
                      const char *what, const char *slot) {
    if (size >= least && size <= most) return 0;
    return dvf_broken(what, device, slot,
                      "it changed info.struct_size, which the host sets, from %llu to %llu",
                      (unsigned long long)most, (unsigned long long)size);
}

int dvf_check_kernel_info(const dvt_kernel_info *info, const dvf_device *device, const char *op) {
    const char *name = PyUnicode_AsUTF8(device->name);
    if (check_size(info->struct_size, REACHES(dvt_kernel_info, reason), sizeof *info, name, op,
                   "prepare") < 0)
        return -1;
    return check_workspace(info->workspace_size, info->workspace_alignment, device, op, "prepare");
}

int dvf_check_executable_info(const dvt_executable_info *info, const dvt_executable *handle,
                              const dvf_device *device) {
    const char *name = PyUnicode_AsUTF8(device->name);
    if (handle == NULL)
        return dvf_broken("graph", name, "compile", "it returned DVT_OK and no executable");
    if (check_size(info->struct_size, REACHES(dvt_executable_info, description), sizeof *info, name,
                   "graph", "compile") < 0)
        return -1;
    return check_workspace(info->workspace_size, info->workspace_alignment, device, "graph",
                           "compile");
}

int dvf_check_device_info(const dvt_device_info *info, const char *device,
                          dvt_memory_space *space) {
    memset(space, 0, sizeof *space);
    if (check_size(info->struct_size, REACHES(dvt_device_info, reserved), sizeof *info, device,
                   "opening", "device_info") < 0)
        return -1;
    if (info->n_spaces == 0) return 0;
    if (info->spaces == NULL || info->spaces[0] == NULL)
        return dvf_broken("opening", device, "device_info",
                          "it promises %u memory spaces, but %s is null", info->n_spaces,
                          info->spaces == NULL ? "spaces" : "spaces[0]");
    size_t have = info->spaces[0]->struct_size;
    if (have < REACHES(dvt_memory_space, capacity))
        return dvf_broken("opening", device, "device_info",
                          "struct_size of its space 0 is %zu bytes, not sizeof", have);
    memcpy(space, info->spaces[0], have < sizeof *space ? have : sizeof *space);
    if (bad_alignment(space->alignment))
        return dvf_broken("opening", device, "device_info",
                          "the alignment of its space 0 is %u, which is no power of two up to 2^30",
                          space->alignment);
    return 0;
}
