// ---- the inline functions of dovetail.h, written by hand ----------------------------------------

/// The macro DVT_PLUGIN_CHECK: whether this host serves `required`; if not, `failure` says so.
pub fn dvt_plugin_check(host_min: u32, host_max: u32, required: u32, failure: [*c]dvt_error) bool {
    const major = DVT_ABI_MAJOR;
    if (required <= host_max and host_min >> 16 <= major and host_max >> 16 >= major) return true;
    const text = "this plugin needs a host of another dovetail ABI version";
    _ = dvt_set_error(failure, DVT_INCOMPATIBLE, text);
    return false;
}

/// Write finished text into an error of any struct_size, cut at a UTF-8 character; returns code.
pub fn dvt_set_error(failure: [*c]dvt_error, code: dvt_status, text: []const u8) dvt_status {
    const head = @offsetOf(dvt_error, "message");
    const room = @min(failure.*.struct_size -| head, @sizeOf(dvt_error) - head);
    failure.*.code = code;
    if (room == 0) return code;
    var n = @min(text.len, room - 1);
    // Only while a character would be cut: its later bytes begin with the bits 10.
    while (n > 0 and n < text.len and text[n] & 0xC0 == 0x80) n -= 1;
    const message: [*]u8 = @ptrCast(&failure.*.message);
    @memcpy(message[0..n], text[0..n]);
    message[n] = 0;
    return code;
}

/// First element of a tensor on host memory.
pub fn dvt_tensor_data(t: [*c]const dvt_tensor) ?*anyopaque {
    const start: [*]u8 = @ptrCast(t.*.data orelse return null);
    return start + @as(usize, @intCast(t.*.byte_offset));
}

/// Find an attribute by name; null when absent (the value "none").
pub fn dvt_find_attr(attrs: [*c]const dvt_attr, n: u32, name: []const u8) ?*const dvt_attr {
    for (0..n) |i| {
        if (std.mem.eql(u8, std.mem.span(attrs[i].name), name)) return &attrs[i];
    }
    return null;
}

/// A scalar int64 attribute, or `otherwise` when absent.
pub fn dvt_attr_int(attrs: [*c]const dvt_attr, n: u32, name: []const u8, otherwise: i64) i64 {
    const a = dvt_find_attr(attrs, n, name) orelse return otherwise;
    if (a.kind != DVT_ATTR_INT64 or a.count == 0) return otherwise;
    return @as([*]const i64, @ptrCast(@alignCast(a.values.?)))[0];
}

/// A scalar float64 attribute, or `otherwise` when absent.
pub fn dvt_attr_float(attrs: [*c]const dvt_attr, n: u32, name: []const u8, otherwise: f64) f64 {
    const a = dvt_find_attr(attrs, n, name) orelse return otherwise;
    if (a.kind != DVT_ATTR_FLOAT64 or a.count == 0) return otherwise;
    return @as([*]const f64, @ptrCast(@alignCast(a.values.?)))[0];
}

test "every function and type above is compiled" {
    std.testing.refAllDecls(@This());
}
