//! What several hosts on one database did, as a list of moments, and whether it is what they promise.
//!
//! Nothing here looks at a host: publishers tell what was accepted, the receiver what arrived, hosts what they logged, whoever
//! disturbs them what was disturbed, and the database what is kept in the end. [`check`] holds these to each other.

mod check;
mod log;

pub use self::{
    check::{Findings, Violation, check},
    log::{LogReader, TARGET},
};

use serde::{Deserialize, Serialize};

/// Name of a host, as whoever runs them calls it.
pub type HostName = String;
/// A fencing token.
pub type Generation = i64;

/// A delivery that a publisher was told of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    pub delivery: String,
    pub message: String,
    /// As the receiver calls it.
    pub endpoint: String,
    /// Of deliveries of one endpoint with the same key, the one with the lower place comes first.
    pub order: Option<(String, u64)>,
    pub at_ms: i64,
}

/// What a host says that it did, with the database's time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Done {
    pub host: HostName,
    /// The one that it had; `None` before its first.
    pub generation: Option<Generation>,
    pub at_ms: i64,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// It has a new generation.
    Registered,
    /// It took note that its lease is over.
    Lost,
    /// It took a delivery up.
    Leased { delivery: String },
    /// A request of it begins.
    Sent { delivery: String },
    /// That request ended.
    Answered { delivery: String },
    /// The outcome is committed.
    Recorded { delivery: String },
    /// It gave the delivery back without one.
    PutBack { delivery: String },
}

/// A request at the receiver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Received {
    pub message: String,
    pub endpoint: String,
    /// It was answered with 2xx.
    pub accepted: bool,
    pub at_ms: i64,
}

/// A time in which a host, or with `None` all of them, may be prevented from writing down what it did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disturbance {
    pub host: Option<HostName>,
    pub what: String,
    pub from_ms: i64,
    pub to_ms: i64,
}

/// What the database says of a delivery in the end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub delivery: String,
    pub state: String,
    /// Its attempts that the receiver answered with 2xx.
    pub successes: u64,
}

/// All of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// Repeats the choices of whoever made it.
    pub seed: u64,
    pub accepted: Vec<Accepted>,
    pub done: Vec<Done>,
    pub received: Vec<Received>,
    pub disturbances: Vec<Disturbance>,
    pub kept: Vec<Kept>,
}
