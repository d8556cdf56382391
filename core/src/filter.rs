//! Filters: conditions on an event that an endpoint adds to its subscription.
//!
//! A filter is a JSON object whose entries must all hold. Names that begin with `/` are JSON pointers into the body as it is
//! delivered, `type` is the event type; `and`, `or` and `not` join filters. `docs/FILTERS.md` describes the language.
//!
//! ```
//! use countersign_core::filter::Filter;
//! use serde_json::json;
//!
//! let filter = Filter::parse(r#"{"type": {"prefix": "order."}, "/data/total": {"gte": 100, "lt": 1000}}"#).unwrap();
//! let body = json!({"data": {"total": 250}});
//! assert!(filter.holds("order.paid", &body));
//! assert!(!filter.holds("user.created", &body));
//! let misses = filter.explain("order.paid", &json!({"data": {"total": "250"}}), 10);
//! assert_eq!(misses[0].condition, r#"["/data/total"].gte"#);
//! assert_eq!(misses[0].found.word(), "text");
//! ```
//!
//! Evaluation has neither loops nor regular expressions of the owner's: it takes a bounded number of steps for each condition,
//! however long the body is.

mod error;
mod evaluate;
mod explain;
mod number;
mod parse;
mod path;
mod pointer;
mod print;
mod source;
#[cfg(test)]
mod tests;

pub use self::{
    error::{FilterError, FilterProblem},
    explain::{Found, Miss},
};

use self::{number::Number, pointer::Pointer};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};

/// Longest text of a filter, in bytes. Each event that its endpoint subscribes to is held against it.
pub const FILTER_BYTES_MAX: usize = 8 * 1024;
/// Most conditions of a filter; `{"gte": 1, "lt": 5}` are two.
pub const CONDITIONS_MAX: usize = 100;
/// Most filters within each other.
pub const DEPTH_MAX: usize = 8;
/// Most values of an `in`.
pub const VALUES_MAX: usize = 100;
/// Longest JSON pointer, in bytes; those of ordering keys are as long.
pub const POINTER_BYTES_MAX: usize = 200;
/// Longest text that a value is held against, in bytes.
pub const TEXT_BYTES_MAX: usize = 1_000;
/// How much of a text `contains` looks through, in bytes.
pub const SEARCHED_BYTES_MAX: usize = 64 * 1024;
/// How many elements of a list `contains` looks through.
pub const SEARCHED_ITEMS_MAX: usize = 1_000;

/// Conditions that must all hold. There is at least one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Filter {
    /// Sorted by their names in JSON, each of which occurs once.
    terms: Vec<Term>,
}

/// An entry of a filter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Term {
    And(Vec<Filter>),
    Or(Vec<Filter>),
    Not(Filter),
    /// What must hold of the value at a place; all of it.
    At(Place, Vec<Test>),
}

/// Where a value is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Place {
    /// The event type.
    Type,
    /// In the body.
    Body(Pointer),
}

/// What must hold of a value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Test {
    Equal(Scalar),
    In(Vec<Scalar>),
    /// Less, or greater, or equal.
    Compare(Comparison, Bound),
    Prefix(String),
    Suffix(String),
    /// Of a text: this is a part of it. Of a list: this is an element of it.
    Contains(Scalar),
    Exists(bool),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Comparison {
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// What a value can be equal to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
}

/// One end of a range.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Bound {
    Number(Number),
    /// Texts are in the order of their UTF-8 bytes, which is that of their code points.
    Text(String),
}

impl Test {
    /// Its name in JSON.
    const fn name(&self) -> &'static str {
        match self {
            Self::Equal(_) => "eq",
            Self::In(_) => "in",
            Self::Compare(comparison, _) => comparison.name(),
            Self::Prefix(_) => "prefix",
            Self::Suffix(_) => "suffix",
            Self::Contains(_) => "contains",
            Self::Exists(_) => "exists",
        }
    }
}

impl Comparison {
    const fn name(self) -> &'static str {
        match self {
            Self::Greater => "gt",
            Self::GreaterOrEqual => "gte",
            Self::Less => "lt",
            Self::LessOrEqual => "lte",
        }
    }
}
