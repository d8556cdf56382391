#![doc = include_str!("../ABI.md")]
//!
//! # In this crate
//!
//! [`Kernel`] is the whole behaviour in safe Rust, so that it is tested natively; the exports around it exist on wasm32
//! only. [`frame`] and [`code`] are shared with the host, which calls the module through wasmtime.
#![cfg_attr(target_arch = "wasm32", no_std)]
#![deny(unsafe_code)]
#![deny(clippy::unwrap_used, clippy::expect_used, clippy::panic)]
#![deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

extern crate alloc;

pub mod code;
#[cfg(target_arch = "wasm32")]
mod exports;
pub mod frame;
mod kernel;

pub use crate::{
    code::Code,
    kernel::{INPUT_BYTES_MAX, Kernel, RECORD_BYTES},
};

/// Version of the ABI, as `abi_version` returns it.
pub const ABI_VERSION: u32 = 1;
