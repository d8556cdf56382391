//! What the suites share: the vector format and its faces, the format of inbound samples, the binary's commands, a host process, a
//! receiver that records, HTTP as bytes, a network that fails, whether what many hosts did is what they promise, and who holds which promise of
//! the providers.
#![forbid(unsafe_code)]

pub mod clients;
pub mod command;
pub mod constant_time;
pub mod conversions;
pub mod deliver;
pub mod dns;
pub mod documents;
pub mod faces;
pub mod history;
pub mod host;
pub mod hostile;
pub mod inbound;
pub mod module;
pub mod promises;
pub mod proxy;
pub mod receiver;
pub mod vectors;
pub mod wire;
