/* Rung 1: a device with memory of its own. What the host holds are handles into the card's memory, which it
 * cannot read; five slots are all it takes. One op: `negative`. A real card would have a driver's calls
 * where this one has memcpy. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "dovetail.h"

#define CAPACITY (64u << 20)
#define FAR 4096 /* a handle is as far from the memory it stands for, so that misuse shows */

struct dvt_device {
    atomic_uint_least64_t used;
};

static struct dvt_device the_card;

static char *address(const dvt_tensor *t) {
    return (char *)t->data - FAR + t->byte_offset;
}

static dvt_status device_open(const dvt_device_desc *desc, dvt_device **device, dvt_error *error) {
    if (desc->n_options != 0)
        return dvt_set_error(error, DVT_INVALID_ARGUMENT, "this card takes no options");
    *device = &the_card;
    return DVT_OK;
}

static dvt_status device_info(dvt_device *device, dvt_device_info *info, dvt_error *error) {
    static const dvt_memory_space space = {.struct_size = sizeof space,
                                           .flags = DVT_SPACE_OPAQUE,
                                           .kind = DVT_SPACE_DEVICE,
                                           .place = {DVT_PLACE_EXTENSION, 0},
                                           .name = "card",
                                           .capacity = CAPACITY};
    static const dvt_memory_space *const spaces[] = {&space};
    (void)device;
    (void)error;
    info->name = "an example";
    info->spaces = spaces;
    info->n_spaces = 1;
    return DVT_OK;
}

static dvt_status alloc(dvt_device *device, const dvt_alloc_desc *desc, void **data,
                        dvt_error *error) {
    /* The host trims its caches and asks once more when it hears OUT_OF_MEMORY. */
    uint64_t used = atomic_fetch_add(&device->used, desc->size); /* any thread may call */
    char *memory = used + desc->size <= CAPACITY ? malloc((size_t)desc->size) : NULL;
    if (memory == NULL) {
        atomic_fetch_sub(&device->used, desc->size);
        return dvt_set_error(error, DVT_OUT_OF_MEMORY, "the card's 64 MiB are full");
    }
    *data = memory + FAR;
    return DVT_OK;
}

static void release(dvt_device *device, const dvt_alloc_desc *desc) {
    atomic_fetch_sub(&device->used, desc->size);
    free((char *)desc->data - FAR);
}

static char *element(const dvt_tensor *t, int on_card, const int64_t *at) {
    char *first = on_card ? address(t) : dvt_tensor_data(t);
    int64_t elements = 0;
    for (int32_t axis = 0; axis < t->ndim; axis++) elements += at[axis] * t->strides[axis];
    return first + elements * (t->dtype.bits / 8);
}

/* The one copy: any strides on both ends, to the card, from it, or within it. */
static dvt_status copy(dvt_device *device, const dvt_copy *c, dvt_error *error) {
    const dvt_tensor *from = c->source, *to = c->destination;
    int64_t at[64] = {0}, n = 1;
    (void)device;
    (void)error;
    for (int32_t axis = 0; axis < to->ndim; axis++) n *= to->shape[axis];
    for (int64_t i = 0; i < n; i++) {
        memcpy(element(to, c->destination_device != NULL, at),
               element(from, c->source_device != NULL, at), to->dtype.bits / 8);
        for (int32_t axis = to->ndim - 1; axis >= 0 && ++at[axis] == to->shape[axis]; axis--)
            at[axis] = 0;
    }
    return DVT_OK;
}

static dvt_status negative(const dvt_call *call, dvt_error *error) {
    const dvt_tensor *out = call->outputs[0];
    const float *x = (const float *)(const void *)address(call->inputs[0]);
    float *y = (float *)(void *)address(out);
    int64_t n = 1;
    (void)error;
    for (int32_t axis = 0; axis < out->ndim; axis++) n *= out->shape[axis];
    for (int64_t i = 0; i < n; i++) y[i] = -x[i];
    return DVT_OK;
}

static const dvt_device_api device_api = {.struct_size = sizeof device_api,
                                          .device_open = device_open,
                                          .device_info = device_info,
                                          .alloc = alloc,
                                          .release = release,
                                          .copy = copy};

static const dvt_kernel_def kernels[] = {
    {.op = "negative", .types = "T=f32", .min_version = 1, .max_version = 1, .run = negative},
};

static const dvt_plugin plugin = {
    .struct_size = sizeof plugin,
    .abi_version = DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = "memory",
    .version = "0.1.0",
    .kernels = kernels,
    .n_kernels = 1,
    .kernel_def_size = sizeof kernels[0],
    .device = &device_api,
};

const dvt_plugin *DVT_PLUGIN_QUERY(uint32_t host_min, uint32_t host_max, const dvt_host *host,
                                   dvt_error *error) {
    (void)host;
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
