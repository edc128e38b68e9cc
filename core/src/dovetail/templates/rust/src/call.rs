//! A kernel's operands as slices, and its failures, panics included, as errors of the ABI.

use std::any::Any;
use std::ffi::CString;
use std::mem::size_of;
use std::panic::{catch_unwind, AssertUnwindSafe};

use crate::dovetail::*;

/// Why a kernel failed: a negative status, and a sentence for the user.
pub struct Failure {
    pub status: dvt_status,
    pub text: String,
}

pub type Answer<T = ()> = Result<T, Failure>;

/// Element types, with the code that dvt_dtype has for them.
pub trait Element: Copy {
    const CODE: u32;
}

macro_rules! elements {
    ($($code:ident: $($kind:ty)+;)+) => {
        $($(impl Element for $kind {
            const CODE: u32 = $code;
        })+)+
    };
}

elements! {
    DVT_INT: i8 i16 i32 i64;
    DVT_UINT: u8 u16 u32 u64;
    DVT_FLOAT: f32 f64;
}

/// The elements of input `i`.
///
/// # Safety
///
/// `call` is what the host gave to a kernel whose row sets no flags, and `i` is one of its inputs.
pub unsafe fn input<T: Element>(call: &dvt_call, i: usize) -> Answer<&[T]> {
    let (data, n) = elements::<T>(*call.inputs.add(i))?;
    Ok(core::slice::from_raw_parts(data, n))
}

/// The elements of output `i`, to be written completely; what they hold before means nothing.
///
/// # Safety
///
/// As of `input`; and each output is asked for once.
#[allow(clippy::mut_from_ref)] // the slice borrows the host's memory, not the call
pub unsafe fn output<T: Element>(call: &dvt_call, i: usize) -> Answer<&mut [T]> {
    let (data, n) = elements::<T>(*call.outputs.add(i))?;
    Ok(core::slice::from_raw_parts_mut(data, n))
}

unsafe fn elements<T: Element>(tensor: *const dvt_tensor) -> Answer<(*mut T, usize)> {
    let tensor = &*tensor;
    let dtype = tensor.dtype;
    if u32::from(dtype.code) != T::CODE || usize::from(dtype.bits) != 8 * size_of::<T>() {
        let (kind, code) = (core::any::type_name::<T>(), dtype.code);
        let text = format!("an operand of type {code}:{} is no {kind}", dtype.bits);
        return Err(Failure {
            status: DVT_INVALID_ARGUMENT,
            text,
        });
    }
    let shape = (0..tensor.ndim as usize).map(|axis| *tensor.shape.add(axis) as usize);
    Ok((dvt_tensor_data(tensor).cast(), shape.product()))
}

/// Run the body of a kernel. A panic must not cross the border: it becomes DVT_INTERNAL.
///
/// # Safety
///
/// `error` is the one that the host gave.
pub unsafe fn guarded(error: *mut dvt_error, body: impl FnOnce() -> Answer) -> dvt_status {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return DVT_OK,
        Ok(Err(failure)) => failure,
        Err(panic) => Failure {
            status: DVT_INTERNAL,
            text: said(panic.as_ref()),
        },
    };
    let text = CString::new(failure.text.replace('\0', " ")).unwrap_or_default();
    dvt_set_error(error, failure.status, text.as_ptr())
}

fn said(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    format!("the kernel panicked: {}", text.unwrap_or("without a text"))
}
