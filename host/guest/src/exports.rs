//! The exports. All unsafe code of the guest is here: one cell that holds two buffers, and nothing else.
#![allow(unsafe_code)]

use crate::{ABI_VERSION, INPUT_BYTES_MAX, answer};
use std::cell::UnsafeCell;

struct Buffers {
    input: Vec<u8>,
    output: Vec<u8>,
}

struct State(UnsafeCell<Buffers>);

// SAFETY: the module has one thread (it is built without the threads feature, so it has no shared memory).
unsafe impl Sync for State {}

static STATE: State = State(UnsafeCell::new(Buffers {
    input: Vec::new(),
    output: Vec::new(),
}));

fn buffers() -> &'static mut Buffers {
    // SAFETY: only the exports below call this, each once and keeps the reference for its own run. The module imports
    // nothing, so no export can be entered while another runs, and no two references are alive at a time.
    unsafe { &mut *STATE.0.get() }
}

#[unsafe(no_mangle)]
extern "C" fn abi_version() -> u32 {
    ABI_VERSION
}

/// Null when `len` is more than [`INPUT_BYTES_MAX`].
#[unsafe(no_mangle)]
extern "C" fn input(len: usize) -> *mut u8 {
    if len > INPUT_BYTES_MAX {
        return std::ptr::null_mut();
    }
    let input = &mut buffers().input;
    input.clear();
    input.resize(len, 0);
    input.as_mut_ptr()
}

#[unsafe(no_mangle)]
extern "C" fn call(len: usize) -> usize {
    let buffers = buffers();
    buffers.output = answer(buffers.input.get(..len).unwrap_or_default());
    buffers.output.len()
}

#[unsafe(no_mangle)]
extern "C" fn output() -> *const u8 {
    buffers().output.as_ptr()
}
