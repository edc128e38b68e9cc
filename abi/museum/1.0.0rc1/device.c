/* A backend of 1.0.0rc1 with a device table: L1. Memory that the host cannot address: what it holds are
 * addresses less 4096. Built with that header and nothing else; never edited. */
#include <stdlib.h>
#include <string.h>

#include "dovetail.h"

#define SHIFT 4096

static int opened;

static char *real(const void *handle) {
    return (char *)(uintptr_t)handle - SHIFT;
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    if (desc->ordinal != 0) return dvt_set_error(error, DVT_INVALID_ARGUMENT, "there is one");
    opened++;
    *device = (dvt_device *)(void *)&opened;
    return DVT_OK;
}

static dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    static const dvt_memory_space space = {.struct_size = sizeof space,
                                           .flags = DVT_SPACE_OPAQUE,
                                           .kind = DVT_SPACE_DEVICE,
                                           .place = {DVT_PLACE_EXTENSION, 11},
                                           .name = "own",
                                           .alignment = 128};
    static const dvt_memory_space *const spaces[] = {&space};
    (void)device;
    (void)error;
    info->name = "exhibit";
    info->spaces = spaces;
    info->n_spaces = 1;
    return DVT_OK;
}

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    char *memory = malloc((size_t)desc->size);
    (void)device;
    if (memory == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "malloc gave nothing");
    *data = memory + SHIFT;
    return DVT_OK;
}

static void release(dvt_device *device, const dvt_alloc_desc *desc) {
    (void)device;
    free(real(desc->data));
}

static char *element(const dvt_tensor *t, int own, const int64_t *at, size_t size) {
    int64_t offset = 0;
    for (int32_t d = 0; d < t->ndim; d++) offset += at[d] * t->strides[d];
    return (own ? real(t->data) : (char *)t->data) + t->byte_offset + offset * (int64_t)size;
}

static dvt_status copy(dvt_device *device, const dvt_copy *c, dvt_error *error) {
    const dvt_tensor *from = c->source, *to = c->destination;
    size_t size = (size_t)from->dtype.bits / 8;
    int64_t at[64] = {0}, n = 1;
    (void)device;
    (void)error;
    for (int32_t d = 0; d < from->ndim; d++) n *= from->shape[d];
    for (int64_t i = 0; i < n; i++) {
        memcpy(element(to, c->destination_device != NULL, at, size),
               element(from, c->source_device != NULL, at, size), size);
        for (int32_t d = from->ndim - 1; d >= 0 && ++at[d] == from->shape[d]; d--) at[d] = 0;
    }
    return DVT_OK;
}

static float *values(const dvt_tensor *t) {
    return (float *)(void *)(real(t->data) + t->byte_offset);
}

static dvt_status add(const dvt_call *call, dvt_error *error) {
    int64_t n = 1;
    (void)error;
    for (int32_t d = 0; d < call->outputs[0]->ndim; d++) n *= call->outputs[0]->shape[d];
    for (int64_t i = 0; i < n; i++)
        values(call->outputs[0])[i] = values(call->inputs[0])[i] + values(call->inputs[1])[i];
    return DVT_OK;
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_open = device_open,
                                          .device_info = device_info,
                                          .alloc = alloc,
                                          .release = release,
                                          .copy = copy};
static const dvt_kernel_def rows[] = {
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = add}};
static const dvt_plugin plugin = {.struct_size = sizeof plugin,
                                  .abi_version = DVT_ABI_VERSION,
                                  .abi_required = 65536,
                                  .name = "device",
                                  .version = "1.0.0rc1",
                                  .kernels = rows,
                                  .n_kernels = 1,
                                  .kernel_def_size = sizeof rows[0],
                                  .device = &device_api};

const dvt_plugin *dvt_plugin_query(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
