//! The sender: an API that takes events, a store that keeps them, and a loop that delivers them.
//!
//! Every decision is made by the guest (see `countersign-guest`) inside wasmtime; this crate stores, sends and keeps time.
//! The way of an event: [`api`] takes it, [`publish`] asks the rules for whom it is and commits it to the [`store`],
//! [`worker`] sends it through the [`transport`], asks the rules what follows, and records that.
#![forbid(unsafe_code)]

pub mod access;
pub mod admin;
pub mod api;
pub mod chance;
pub mod cli;
pub mod clock;
pub mod config;
pub mod context;
pub mod endpoints;
pub mod error;
pub mod event_types;
pub mod hosts;
pub mod identity;
pub mod ids;
pub mod intake;
pub mod network;
pub mod ping;
pub mod publish;
pub mod records;
pub mod registry;
pub mod rules;
pub mod serve;
pub mod signals;
pub mod store;
pub mod telemetry;
pub mod transport;
pub mod trouble;
pub mod vault;
pub mod worker;

/// The target of log lines that tell what became of each delivery, at level `trace`, for those who check what several hosts did.
const HISTORY: &str = "countersign::history";
