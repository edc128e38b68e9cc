// ---- the inline functions of dovetail.h, written by hand ----------------------------------------

// Tables are static and never written, so any thread may read them.
unsafe impl Sync for dvt_plugin {}
unsafe impl Sync for dvt_kernel_def {}
unsafe impl Sync for dvt_memory_space {}
unsafe impl Sync for dvt_attr {}

/// The type of the entry point, `dvt_plugin_query`.
pub type dvt_plugin_query_fn =
    Option<unsafe extern "C" fn(u32, u32, *const dvt_host, *mut dvt_error) -> *const dvt_plugin>;

/// The macro DVT_PLUGIN_CHECK: whether this host serves `required`; if not, `error` says so.
pub unsafe fn dvt_plugin_check(
    host_min: u32,
    host_max: u32,
    required: u32,
    error: *mut dvt_error,
) -> bool {
    let fits =
        required <= host_max && host_min >> 16 <= DVT_ABI_MAJOR && host_max >> 16 >= DVT_ABI_MAJOR;
    if !fits {
        let text = c"this plugin needs a host of another dovetail ABI version";
        dvt_set_error(error, DVT_INCOMPATIBLE, text.as_ptr());
    }
    fits
}

/// Write finished text into an error of any struct_size, cut at a UTF-8 character; returns code.
pub unsafe fn dvt_set_error(
    error: *mut dvt_error,
    code: dvt_status,
    text: *const c_char,
) -> dvt_status {
    let whole = core::ffi::CStr::from_ptr(text).to_bytes();
    let room = ((*error).struct_size as usize).saturating_sub(offset_of!(dvt_error, message));
    let room = room.min(size_of::<dvt_error>() - offset_of!(dvt_error, message));
    (*error).code = code;
    if room == 0 {
        return code;
    }
    let mut n = whole.len().min(room - 1);
    // Only while a character would be cut: its later bytes begin with the bits 10.
    while n > 0 && n < whole.len() && whole[n] & 0xC0 == 0x80 {
        n -= 1;
    }
    let message = core::ptr::addr_of_mut!((*error).message).cast::<u8>();
    core::ptr::copy_nonoverlapping(whole.as_ptr(), message, n);
    message.add(n).write(0);
    code
}

/// First element of a tensor on host memory.
pub unsafe fn dvt_tensor_data(t: *const dvt_tensor) -> *mut c_void {
    if (*t).data.is_null() {
        return (*t).data;
    }
    (*t).data.cast::<u8>().add((*t).byte_offset as usize).cast()
}

/// Find an attribute by name; null when absent (the value "none").
pub unsafe fn dvt_find_attr(
    attrs: *const dvt_attr,
    n: u32,
    name: *const c_char,
) -> *const dvt_attr {
    let wanted = core::ffi::CStr::from_ptr(name);
    for i in 0..n as usize {
        if core::ffi::CStr::from_ptr((*attrs.add(i)).name) == wanted {
            return attrs.add(i);
        }
    }
    core::ptr::null()
}

/// A scalar int64 attribute, or `otherwise` when absent.
pub unsafe fn dvt_attr_int(
    attrs: *const dvt_attr,
    n: u32,
    name: *const c_char,
    otherwise: i64,
) -> i64 {
    match dvt_find_attr(attrs, n, name).as_ref() {
        Some(a) if a.kind == DVT_ATTR_INT64 && a.count > 0 => *a.values.cast::<i64>(),
        _ => otherwise,
    }
}

/// A scalar float64 attribute, or `otherwise` when absent.
pub unsafe fn dvt_attr_float(
    attrs: *const dvt_attr,
    n: u32,
    name: *const c_char,
    otherwise: f64,
) -> f64 {
    match dvt_find_attr(attrs, n, name).as_ref() {
        Some(a) if a.kind == DVT_ATTR_FLOAT64 && a.count > 0 => *a.values.cast::<f64>(),
        _ => otherwise,
    }
}
