/* loader.h: a plugin's library in, checked and normalised tables out.
 *
 * Afterwards no call site looks at a struct_size again: every table is a full-size copy, zero where
 * the plugin was built with an older header, cut where it was built with a younger one. */
#ifndef DVF_LOADER_H
#define DVF_LOADER_H

#include <stdint.h>

#include "dovetail.h"

#define DVF_HOST_MIN 65536u /* 1.0: the oldest ABI this host serves */

typedef struct dvf_plugin dvf_plugin;
typedef void (*dvf_destroy_fn)(dvt_kernel *kernel);

/* Ask kernel row `row`: info.run is set on DVT_OK; *destroy frees info.kernel, and may be null. */
typedef dvt_status (*dvf_prepare_row_fn)(dvf_plugin *plugin, uint32_t row, const dvt_op *op,
                                         dvt_kernel_info *info, dvf_destroy_fn *destroy,
                                         dvt_error *error);

/* A layer (validation, recording) is put between the core and one plugin by replacing slots of
 * `device` and `graph`, `host` and `prepare_row`; it keeps a copy of what was there and calls it. The
 * core therefore calls a plugin through these members alone, and hands it this `host` alone. */
struct dvf_plugin {
    dvt_plugin table;        /* kernels, device and graph point into this struct, or are null */
    dvt_device_api device;   /* zero when has_device is 0 */
    dvt_graph_api graph;     /* zero when has_graph is 0 */
    dvt_kernel_def *kernels; /* n_kernels rows of sizeof(dvt_kernel_def) */
    uint32_t n_kernels;
    int has_device, has_graph;
    void *library;        /* of dlopen; null for a statically linked plugin */
    char *path;           /* for messages: the file, or "<name>, linked statically" */
    const dvt_host *host; /* what every call into this plugin is given */
    dvf_prepare_row_fn prepare_row;
};

/* Open the library at `path` (one with a slash: nothing is searched), ask it and check the answer.
 * An accepted plugin lives until the process ends: its threads and callbacks may outlive any use.
 * On failure *plugin is null and error holds one sentence with both versions. Thread: any. */
dvt_status dvf_load(const char *path, dvf_plugin **plugin, dvt_error *error);

/* The same checks for a table that is already in the process. Thread: any. */
dvt_status dvf_adopt(const dvt_plugin *raw, dvf_plugin **plugin, dvt_error *error);

#endif /* DVF_LOADER_H */
