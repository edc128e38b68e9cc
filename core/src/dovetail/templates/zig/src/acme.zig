//! The acme backend: one op, `add` of contiguous float32 arrays, on host memory.
const dvt = @import("dovetail"); // dovetail.h, as `zig translate-c` writes it

/// A failed check ends the process at once: a panic that prints would link half an operating system.
pub const panic = @import("std").debug.no_panic;

fn add(call: [*c]const dvt.dvt_call, _: [*c]dvt.dvt_error) callconv(.c) dvt.dvt_status {
    const x = elements(f32, call.*.inputs[0]);
    const y = elements(f32, call.*.inputs[1]);
    const z = elements(f32, call.*.outputs[0]);
    for (z, x, y) |*sum, left, right| sum.* = left + right;
    return dvt.DVT_OK;
}

/// The elements of a contiguous tensor on host memory.
fn elements(comptime T: type, tensor: [*c]const dvt.dvt_tensor) []T {
    var n: usize = 1;
    for (0..@intCast(tensor.*.ndim)) |axis| n *= @intCast(tensor.*.shape[axis]);
    const first: [*]T = @ptrCast(@alignCast(dvt.dvt_tensor_data(tensor)));
    return first[0..n];
}

const kernels = [_]dvt.dvt_kernel_def{
    .{ .op = "add", .types = "T=f32", .min_version = 1, .max_version = 1, .run = add },
};

const plugin = dvt.dvt_plugin{
    .struct_size = @sizeOf(dvt.dvt_plugin),
    .abi_version = dvt.DVT_ABI_VERSION,
    .abi_required = 65536,
    .name = "acme",
    .version = "0.1.0",
    .kernels = &kernels,
    .n_kernels = kernels.len,
    .kernel_def_size = @sizeOf(dvt.dvt_kernel_def),
};

export fn dvt_plugin_query(
    host_min: u32,
    host_max: u32,
    _: ?*const dvt.dvt_host,
    failure: [*c]dvt.dvt_error,
) callconv(.c) ?*const dvt.dvt_plugin {
    // What DVT_PLUGIN_CHECK does in C: hosts that are too old get a sentence.
    const major = dvt.DVT_ABI_MAJOR;
    if (plugin.abi_required > host_max or host_min >> 16 > major or host_max >> 16 < major) {
        const text = "this plugin needs a host of another dovetail ABI version";
        _ = dvt.dvt_set_error(failure, dvt.DVT_INCOMPATIBLE, text);
        return null;
    }
    return &plugin;
}
