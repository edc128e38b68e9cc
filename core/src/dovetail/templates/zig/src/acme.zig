//! The device acme: `add` of contiguous float32 arrays on host memory.
const dvt = @import("dovetail.zig");

/// A failed check ends the process at once: one that prints first would link much of the system.
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
    // Hosts that are too old get a sentence.
    if (!dvt.dvt_plugin_check(host_min, host_max, plugin.abi_required, failure)) return null;
    return &plugin;
}
