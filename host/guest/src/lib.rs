//! The rules of Countersign for the host, as an import-free WebAssembly module.
//!
//! The host stores, sends and keeps time; every decision comes from here: is this endpoint well described, which
//! endpoints does an event go to and with which bytes, how is it signed and for how long is it waited, and what follows
//! from the outcome of an attempt.
//!
//! # ABI
//!
//! Exports: `memory`; `abi_version() -> u32` ([`ABI_VERSION`]); `input(len) -> ptr`, room for the bytes of one [`Call`];
//! `call(len) -> u32`, which answers the call in `input` and returns the length of the answer; `output() -> ptr`. Calls and
//! answers are encoded with postcard. There are no imports. A trap means a defect: drop the instance and make a new one;
//! nothing is kept between calls.
#![cfg_attr(not(target_arch = "wasm32"), forbid(unsafe_code))]

mod answer;
mod body;
#[cfg(target_arch = "wasm32")]
mod exports;
mod message;
mod order;
mod plan;
mod publish;
mod receive;
mod sample;
pub mod settings;
mod source;

pub use crate::{
    answer::answer,
    message::{
        Answer, AskSample, Call, CheckEndpoint, DeliveryPlan, EndpointRules, Format, Judge, Match,
        NewSecret, Notify, PassedOn, Publish, Published, Reader, Receive, Received, ReceivedEvent,
        Rejection, SignaturePlan, Target, Tried, Try,
    },
    settings::{EndpointSettings, Ordering, RateLimit},
};
pub use countersign_core::{
    delivery, filter, inbound, operational, provider, retry, standard, subscription,
};

/// Version of the ABI, as `abi_version` returns it.
pub const ABI_VERSION: u32 = 7;

/// Longest call that is taken: a publish of the largest body and many endpoints stays far below.
pub const INPUT_BYTES_MAX: usize = 16 * 1024 * 1024;
