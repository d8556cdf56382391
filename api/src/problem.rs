//! Errors.

use serde::{Deserialize, Serialize};

/// An error: `application/problem+json` (RFC 9457). Nothing was stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Problem {
    /// Always `about:blank`; `code` tells problems apart.
    pub r#type: String,
    /// The status in words.
    pub title: String,
    /// The status.
    pub status: u16,
    /// Stable name of the problem.
    pub code: String,
    /// What is wrong and what to do, for people; its words may change.
    pub detail: String,
    /// The field, header or parameter that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Of a batch: what is wrong with which event.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<ProblemOfEvent>,
}

/// What is wrong with one event of a batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct ProblemOfEvent {
    /// Its place in the batch, from 0.
    pub index: u64,
    /// Stable name of the problem.
    pub code: String,
    /// What is wrong and what to do, for people.
    pub detail: String,
    /// The field that it is about.
    pub field: Option<String>,
}
