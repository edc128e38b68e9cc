/* The CPU device's table: opening with an allocator that fails, memory, copies and fills of any
 * layout. */
#include "cpu_products_host.h"

static const dvt_type all_types[] = {DVT_TYPE_BOOL, DVT_TYPE_I8,  DVT_TYPE_I16,  DVT_TYPE_I32,
                                     DVT_TYPE_I64,  DVT_TYPE_U8,  DVT_TYPE_U16,  DVT_TYPE_U32,
                                     DVT_TYPE_U64,  DVT_TYPE_F16, DVT_TYPE_BF16, DVT_TYPE_F32,
                                     DVT_TYPE_F64};

static dvt_type any_type(void) {
    return all_types[chance(DVT_N_TYPES)];
}
static int32_t any_shape(int64_t *shape) {
    static const int64_t extents[] = {1, 2, 3, 5, 7, 8, 16, 17, 31, 33, 70};
    const int32_t ndim = (int32_t)chance(5);
    for (int32_t i = 0; i < ndim; i++)
        shape[i] = chance(20) == 0 ? 0 : extents[chance(ndim > 2 ? 7 : 11)];
    return ndim;
}

static int allocations, failing;

static void *host_alloc(const dvt_host *self, uint64_t size, uint64_t alignment) {
    void *block = NULL;
    (void)self;
    if (++allocations == failing) return NULL;
    return posix_memalign(&block, alignment < 64 ? 64 : alignment, size) == 0 ? block : NULL;
}

static void host_free(const dvt_host *self, void *data, uint64_t size) {
    (void)self;
    (void)size;
    free(data);
}

/* Opening, with an allocator that fails at the n-th call until it succeeds. */
static dvt_device *open_device(const dvt_device_api *api) {
    dvt_device_desc desc = {.struct_size = sizeof desc, .host = &host};
    dvt_device *device = NULL;
    dvt_error head = {.struct_size = 16}; /* a caller that wants no text */
    uint32_t count = 0;
    CHECK(api->device_count(&host, &count, &error) == DVT_OK && count == 1);
    for (failing = 1; !device; failing++) {
        allocations = 0;
        const dvt_status status = api->device_open(&desc, &device, failing % 2 ? &error : &head);
        CHECK(status == (device ? DVT_OK : DVT_OUT_OF_MEMORY));
        CHECK(failing < 10);
    }
    CHECK(failing > 2); /* it allocates, so it failed at least once */
    desc.ordinal = 1;
    CHECK(api->device_open(&desc, &device, &head) == DVT_INVALID_ARGUMENT);
    const dvt_attr option = {.name = "speed", .kind = DVT_ATTR_STRING};
    desc = (dvt_device_desc){
        .struct_size = sizeof desc, .host = &host, .n_options = 1, .options = &option};
    CHECK(api->device_open(&desc, &device, &error) == DVT_INVALID_ARGUMENT);
    CHECK(strstr(error.message, "speed"));
    return device;
}

static void memory(const dvt_device_api *api, dvt_device *device) {
    const uint64_t sizes[] = {1, 4096, UINT64_C(5) << 20};
    for (int i = 0; i < 3; i++) {
        dvt_alloc_desc block = {.struct_size = sizeof block, .size = sizes[i]};
        CHECK(api->alloc(device, &block, &block.data, &error) == DVT_OK);
        CHECK((uintptr_t)block.data % (sizes[i] >= 2 << 20 ? 2 << 20 : 64) == 0);
        memset(block.data, 1, sizes[i]);
        api->release(device, &block);
    }
    const dvt_alloc_desc absurd = {.struct_size = sizeof absurd, .size = UINT64_MAX - 4};
    void *none = NULL;
    CHECK(api->alloc(device, &absurd, &none, &error) == DVT_OUT_OF_MEMORY);
    CHECK(strstr(error.message, "bytes"));
}

static void copies(const dvt_device_api *api, dvt_device *device) {
    for (int i = 0; i < 60; i++) {
        const dvt_type type = any_type();
        int64_t shape[AXES];
        const int32_t ndim = any_shape(shape);
        array x, y;
        make(&x, type, ndim, shape);
        make(&y, type, ndim, shape);
        fill(&x);
        const dvt_copy copy = {.struct_size = sizeof copy, .source = &x.t, .destination = &y.t};
        CHECK(api->copy(device, &copy, &error) == DVT_OK);
        for (int64_t k = 0, n = dvt_size(&x.t); k < n; k++)
            CHECK(memcmp(element(&x, k), element(&y, k), dvt_type_size(type)) == 0);
        check_gaps(&y);
        const uint64_t pattern = 1;
        const dvt_fill filling = {
            .struct_size = sizeof filling, .destination = &y.t, .pattern = &pattern};
        CHECK(api->fill(device, &filling, &error) == DVT_OK);
        for (int64_t k = 0, n = dvt_size(&y.t); k < n; k++)
            CHECK(memcmp(element(&y, k), &pattern, dvt_type_size(type)) == 0);
        check_gaps(&y);
        free(x.bytes);
        free(y.bytes);
    }
}

static void description(const dvt_device_api *api, dvt_device *device) {
    dvt_device_info info = {.struct_size = sizeof info};
    CHECK(api->device_info(device, &info, &error) == DVT_OK);
    CHECK(info.name && info.name[0] && strcmp(info.architecture, DVT_CPU_VARIANT) == 0);
    CHECK(info.n_spaces == 1 && info.spaces[0]->flags & DVT_SPACE_HOST_VISIBLE);
}

int main(int argc, char **argv) {
    host.host_alloc = host_alloc;
    host.host_free = host_free;
    open_plugin(argc, argv);
    const dvt_device_api *api = plugin->device;
    dvt_device *device = open_device(api);
    description(api, device);
    memory(api, device);
    copies(api, device);
    api->device_close(device);
    return 0;
}
