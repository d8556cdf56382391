//! The exports. All unsafe code of the kernel is here: one cell that holds the state, and nothing else.
#![allow(unsafe_code)]

use crate::{ABI_VERSION, kernel::Kernel};
use core::cell::UnsafeCell;

#[global_allocator]
static ALLOCATOR: rlsf::SmallGlobalTlsf = rlsf::SmallGlobalTlsf::new();

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // A trap: the embedder drops the instance and makes a new one.
    core::arch::wasm32::unreachable()
}

struct State(UnsafeCell<Kernel>);

// SAFETY: the module has one thread (it is built without the threads feature, so it has no shared memory).
unsafe impl Sync for State {}

static STATE: State = State(UnsafeCell::new(Kernel::new()));

fn kernel() -> &'static mut Kernel {
    // SAFETY: only the exports below call this, each once and keeps the reference for its own run. The module imports
    // nothing, so no export can be entered while another runs, and no two references are alive at a time.
    unsafe { &mut *STATE.0.get() }
}

#[unsafe(no_mangle)]
extern "C" fn abi_version() -> u32 {
    ABI_VERSION
}

#[unsafe(no_mangle)]
extern "C" fn input(len: usize) -> *mut u8 {
    match kernel().input(len) {
        Some(room) => room.as_mut_ptr(),
        None => core::ptr::null_mut(),
    }
}

#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    kernel().output().as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn output_len() -> usize {
    kernel().output().len()
}

#[unsafe(no_mangle)]
extern "C" fn result() -> *const u8 {
    kernel().record().as_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn verifier_new(len: usize) -> u32 {
    kernel().verifier_new(len)
}

#[cfg(feature = "sign")]
#[unsafe(no_mangle)]
extern "C" fn signer_new(len: usize) -> u32 {
    kernel().signer_new(len)
}

#[unsafe(no_mangle)]
extern "C" fn verifier_free(handle: u32) {
    kernel().verifier_free(handle);
}

#[unsafe(no_mangle)]
extern "C" fn verifier_headers(handle: u32) -> u32 {
    kernel().verifier_headers(handle)
}

#[unsafe(no_mangle)]
extern "C" fn verifier_answers(handle: u32) -> u32 {
    kernel().verifier_answers(handle)
}

#[unsafe(no_mangle)]
extern "C" fn verify(handle: u32, len: usize, now: f64) -> u32 {
    // Saturates; NaN becomes 0. No clock reaches either.
    kernel().verify(handle, len, now as i64) as u32
}

#[cfg(feature = "hashed")]
#[unsafe(no_mangle)]
extern "C" fn inner_blocks(handle: u32) -> u32 {
    kernel().inner_blocks(handle)
}

#[cfg(feature = "hashed")]
#[unsafe(no_mangle)]
extern "C" fn verify_around(handle: u32, len: usize, now: f64) -> u32 {
    kernel().verify_around(handle, len, now as i64) as u32
}

#[cfg(feature = "hashed")]
#[unsafe(no_mangle)]
extern "C" fn verify_hashed(handle: u32, len: usize, now: f64) -> u32 {
    kernel().verify_hashed(handle, len, now as i64) as u32
}

#[cfg(feature = "sign")]
#[unsafe(no_mangle)]
extern "C" fn sign(handle: u32, len: usize, now: f64) -> u32 {
    kernel().sign(handle, len, now as i64) as u32
}

#[unsafe(no_mangle)]
extern "C" fn code_text(number: u32) -> u32 {
    kernel().code_text(number)
}
