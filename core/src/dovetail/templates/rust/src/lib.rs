//! The device acme: `add` of contiguous float32 arrays on host memory.

mod call;
mod dovetail;

use std::mem::size_of;

use call::{guarded, input, output, Answer};
use dovetail::*;

/// A row that sets no flags gets the easiest life there is: operands are contiguous, of one shape,
/// aligned and not empty.
unsafe fn add(call: &dvt_call) -> Answer {
    let (x, y) = (input::<f32>(call, 0)?, input::<f32>(call, 1)?);
    let z = output::<f32>(call, 0)?;
    for ((sum, left), right) in z.iter_mut().zip(x).zip(y) {
        *sum = left + right;
    }
    Ok(())
}

unsafe extern "C" fn run_add(call: *const dvt_call, error: *mut dvt_error) -> dvt_status {
    guarded(error, || add(&*call))
}

static KERNELS: [dvt_kernel_def; 1] = [dvt_kernel_def {
    op: c"add".as_ptr(),
    types: c"T=f32".as_ptr(),
    min_version: 1,
    max_version: 1,
    run: Some(run_add),
    ..dvt_kernel_def::ZERO
}];

static PLUGIN: dvt_plugin = dvt_plugin {
    struct_size: size_of::<dvt_plugin>() as u32,
    abi_version: DVT_ABI_VERSION,
    abi_required: 65536,
    name: c"acme".as_ptr(),
    version: c"0.1.0".as_ptr(),
    kernels: KERNELS.as_ptr(),
    n_kernels: KERNELS.len() as u32,
    kernel_def_size: size_of::<dvt_kernel_def>() as u32,
    ..dvt_plugin::ZERO
};

/// The one exported symbol. It answers hosts that are too old with a sentence.
///
/// # Safety
///
/// The host calls it with an error of its own, as dovetail.h says.
#[no_mangle]
pub unsafe extern "C" fn dvt_plugin_query(
    host_min: u32,
    host_max: u32,
    _host: *const dvt_host,
    error: *mut dvt_error,
) -> *const dvt_plugin {
    if !dvt_plugin_check(host_min, host_max, 65536, error) {
        return core::ptr::null();
    }
    &PLUGIN
}
