//! Measuring the sender: publisher, host and receiver on one machine, and every accepted message accounted for.
//!
//! The measuring side is lean on purpose (one thread each for publisher and receiver, HTTP by hand on sockets), because it
//! shares the processor with what it measures. Nothing here passes or fails by time; a message that is lost or altered is
//! an error.

mod backlog;
mod event;
mod hanging;
mod ledger;
mod publisher;
mod receiver;
mod report;
mod senders;
mod table;
mod takeover;
mod timing;
mod usage;
mod wire;

pub use self::{
    backlog::{Backlog, backlog},
    report::{Cell, Report, Row},
    senders::StoreKind,
    table::{Plan, table},
    takeover::takeover,
    timing::timing,
    usage::cpu_s,
};

use std::time::Duration;

/// Longest that anything is waited for, beyond what the measurement itself takes. Reached only when something is broken.
const WAIT_MAX: Duration = Duration::from_secs(120);
/// Connections of the publisher.
const CONNECTIONS: usize = 64;
/// The signing secret of every endpoint.
const SECRET: &str = "whsec_bench";
