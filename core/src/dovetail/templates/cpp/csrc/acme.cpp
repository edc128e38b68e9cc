// The device acme: `add` of contiguous float32 arrays on host memory.
#include <algorithm>
#include <exception>
#include <functional>
#include <iterator>
#include <new>
#include <span>
#include <stdexcept>

#include "dovetail.h"

namespace {

// The elements of a contiguous tensor on host memory.
template <typename T> std::span<T> elements(const dvt_tensor *tensor) {
    std::int64_t n = 1;
    for (std::int32_t axis = 0; axis < tensor->ndim; axis++) n *= tensor->shape[axis];
    return {static_cast<T *>(dvt_tensor_data(tensor)), static_cast<std::size_t>(n)};
}

// Nothing may be thrown across the border: what a kernel throws becomes a status and its text.
template <void kernel(const dvt_call &)>
dvt_status guarded(const dvt_call *call, dvt_error *error) noexcept try {
    kernel(*call);
    return DVT_OK;
} catch (const std::bad_alloc &) {
    return dvt_set_error(error, DVT_OUT_OF_MEMORY, "there is not enough memory on the host");
} catch (const std::invalid_argument &failure) {
    return dvt_set_error(error, DVT_INVALID_ARGUMENT, failure.what());
} catch (const std::exception &failure) {
    return dvt_set_error(error, DVT_INTERNAL, failure.what());
} catch (...) {
    return dvt_set_error(error, DVT_INTERNAL, "the kernel threw what is no std::exception");
}

void add(const dvt_call &call) {
    const auto x = elements<const float>(call.inputs[0]), y = elements<const float>(call.inputs[1]);
    std::ranges::transform(x, y, elements<float>(call.outputs[0]).begin(), std::plus{});
}

constexpr dvt_kernel_def kernels[] = {
    {.op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = guarded<add>},
};

constexpr dvt_plugin plugin = {
    .struct_size = sizeof(dvt_plugin),
    .abi_version = DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = "acme",
    .version = "0.1.0",
    .kernels = kernels,
    .n_kernels = std::size(kernels),
    .kernel_def_size = sizeof(dvt_kernel_def),
};

} // namespace

const dvt_plugin *DVT_PLUGIN_QUERY(std::uint32_t host_min, std::uint32_t host_max, const dvt_host *,
                                   dvt_error *error) {
    DVT_PLUGIN_CHECK(host_min, host_max, 65536, error);
    return &plugin;
}
