//! What JavaScript needs besides the kernel, through wasm-bindgen. Conversions only: every rule is in `countersign-core`.
//!
//! Built three times, as modules that are loaded when first used (the reason is in ARCHITECTURE.md), each with one feature:
//! - `toolkit` reads payloads as the provider's own events (`payload`);
//! - `events` normalises and renders events and makes their keys (`events`);
//! - `explain` says why a signature does not match (`explain`).
#![forbid(unsafe_code)]

#[cfg(feature = "events")]
mod events;
#[cfg(feature = "explain")]
mod explain;
#[cfg(feature = "payload")]
mod reading;

#[cfg(feature = "events")]
pub use events::{idempotency_key, ordering_key, parse_events, render};
#[cfg(feature = "explain")]
pub use explain::{Case, schemes, sign};
#[cfg(feature = "payload")]
pub use reading::read_event;
