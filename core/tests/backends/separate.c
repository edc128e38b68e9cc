/* Memory of its own that the host cannot read: what the host holds are handles, 4096 bytes apart from
 * the real addresses. LIMIT bytes at most. One kernel: float32 add. */
#include <stdlib.h>
#include <string.h>

#include "good.h"

#ifndef LIMIT
#define LIMIT 1048576
#endif

#define SHIFT 4096

static uint64_t used;
static int opened;

static char *real(const void *handle) {
    return (char *)(uintptr_t)handle - SHIFT;
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    (void)desc;
    (void)error;
    opened++;
    *device = (dvt_device *)(void *)&opened;
    return DVT_OK;
}

static dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    static const dvt_memory_space space = {.struct_size = sizeof space,
                                           .flags = DVT_SPACE_OPAQUE,
                                           .kind = DVT_SPACE_DEVICE,
                                           .place = {DVT_PLACE_EXTENSION, 7},
                                           .name = "own"};
    static const dvt_memory_space *const spaces[] = {&space};
    (void)device;
    (void)error;
    info->name = "separate";
    info->spaces = spaces;
    info->n_spaces = 1;
    return DVT_OK;
}

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    (void)device;
    if (used + desc->size > LIMIT)
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "the chip is full; free something");
    char *memory = malloc((size_t)desc->size);
    if (memory == NULL) return dvt_set_error(error, DVT_OUT_OF_MEMORY, "malloc gave nothing");
    used += desc->size;
    *data = memory + SHIFT;
    return DVT_OK;
}

static void release(dvt_device *device, const dvt_alloc_desc *desc) {
    (void)device;
    used -= desc->size;
    free(real(desc->data));
}

static char *element(const dvt_tensor *t, int own, const int64_t *at, size_t size) {
    int64_t offset = 0;
    for (int32_t d = 0; d < t->ndim; d++) offset += at[d] * t->strides[d];
    char *base = own ? real(t->data) : (char *)t->data;
    return base + t->byte_offset + offset * (int64_t)size;
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

static dvt_status add_own(const dvt_call *call, dvt_error *error) {
    dvt_tensor in[2] = {*call->inputs[0], *call->inputs[1]}, out = *call->outputs[0];
    const dvt_tensor *inputs[] = {&in[0], &in[1]}, *outputs[] = {&out};
    dvt_call host = *call;
    in[0].data = real(in[0].data);
    in[1].data = real(in[1].data);
    out.data = real(out.data);
    host.inputs = inputs;
    host.outputs = outputs;
    return add(&host, error);
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_open = device_open,
                                          .device_info = device_info,
                                          .alloc = alloc,
                                          .release = release,
                                          .copy = copy};
static const dvt_kernel_def rows[] = {
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = add_own}};
static const dvt_plugin plugin = {GOOD_PLUGIN(rows), .device = &device_api};

QUERY {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
