#![doc = include_str!("guide.md")]
#![no_std]
#![warn(missing_docs)]
#![cfg_attr(test, allow(clippy::arithmetic_side_effects))]

extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "payload")]
pub mod analytics;
mod base64;
pub mod delivery;
#[cfg(feature = "payload")]
pub mod event;
#[cfg(feature = "explain")]
pub mod explain;
#[cfg(feature = "payload")]
pub mod filter;
pub mod headers;
#[cfg(feature = "payload")]
pub mod inbound;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod internals;
#[cfg(feature = "payload")]
pub mod key;
#[cfg(feature = "payload")]
pub mod normalise;
#[cfg(feature = "payload")]
pub mod operational;
#[cfg(feature = "payload")]
pub mod provider;
#[cfg(feature = "payload")]
pub mod render;
pub mod retry;
#[cfg(feature = "payload")]
pub mod sample;
pub mod secret;
pub mod signature;
#[cfg(feature = "payload")]
pub mod standard;
#[cfg(feature = "payload")]
pub mod subscription;
#[cfg(feature = "payload")]
pub mod surrogates;
pub mod time;

pub use crate::{
    headers::{Header, Headers},
    secret::{Secret, SecretForm},
    signature::{
        Config, ConfigError, Covers, KeyedScheme, Message, Refusal, Request, SignError, SignedAt,
        Tolerance, Valid, scheme::Scheme,
    },
};

/// Runs the Rust example of the project's README.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
