//! What is wrong with a filter.

use super::{
    CONDITIONS_MAX, DEPTH_MAX, FILTER_BYTES_MAX, POINTER_BYTES_MAX, TEXT_BYTES_MAX, VALUES_MAX,
};
use alloc::{borrow::ToOwned, string::String};
use core::fmt;

/// A filter that cannot be read. The fault of whoever wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilterError {
    /// Where: `and[0]["/data/total"].gte`; empty for the whole filter.
    pub path: String,
    /// What is wrong there.
    pub problem: FilterProblem,
}

/// What is wrong with a filter.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FilterProblem {
    /// The text is not JSON.
    NotJson {
        /// Line of the first fault, from 1.
        line: usize,
        /// Column of the first fault, from 1.
        column: usize,
    },
    /// Longer than [`FILTER_BYTES_MAX`].
    TooLong,
    /// More than [`CONDITIONS_MAX`] conditions.
    TooManyConditions,
    /// More than [`DEPTH_MAX`] filters within each other.
    TooDeep,
    /// No condition at all, or an `and` or `or` of nothing.
    Empty,
    /// Not an object of conditions.
    NotAFilter,
    /// Not a list of filters.
    NotAList,
    /// The name occurs more than once in its object.
    Repeated,
    /// Neither a pointer nor `type`, `and`, `or`, `not`.
    UnknownName,
    /// Not the name of a condition.
    UnknownCondition,
    /// Begins with `/` and is no JSON pointer, or is longer than [`POINTER_BYTES_MAX`].
    PointerInvalid,
    /// The condition takes another kind of value.
    WrongValue {
        /// What it takes.
        expected: &'static str,
    },
    /// More than [`VALUES_MAX`] values.
    TooManyValues,
    /// Longer than [`TEXT_BYTES_MAX`].
    TextTooLong,
}

impl FilterError {
    pub(super) fn new(path: &str, problem: FilterProblem) -> Self {
        Self {
            path: path.to_owned(),
            problem,
        }
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str("the filter ")?,
            path => write!(f, "`{path}` ")?,
        }
        match &self.problem {
            FilterProblem::NotJson { line, column } => {
                write!(f, "is not JSON (line {line}, column {column})")
            }
            FilterProblem::TooLong => write!(f, "is longer than {FILTER_BYTES_MAX} bytes"),
            FilterProblem::TooManyConditions => {
                write!(f, "has more than {CONDITIONS_MAX} conditions")
            }
            FilterProblem::TooDeep => {
                write!(f, "is inside more than {DEPTH_MAX} other filters")
            }
            FilterProblem::Empty => {
                f.write_str("has no condition, so it would say nothing; leave it out")
            }
            FilterProblem::NotAFilter => f.write_str(
                r#"must be an object of conditions such as {"/data/total": {"gte": 100}}"#,
            ),
            FilterProblem::NotAList => f.write_str("must be a list of filters"),
            FilterProblem::Repeated => f.write_str("occurs more than once; keep one"),
            FilterProblem::UnknownName => f.write_str(
                "is unknown: give `type`, `and`, `or`, `not`, or a JSON pointer into the body such as /data/total",
            ),
            FilterProblem::UnknownCondition => f.write_str(
                "is no condition; known are: eq, in, gt, gte, lt, lte, prefix, suffix, contains, exists",
            ),
            FilterProblem::PointerInvalid => write!(
                f,
                "must be a JSON pointer such as /data/total, of at most {POINTER_BYTES_MAX} bytes; a `~` in a name is \
                 written ~0, a `/` ~1"
            ),
            FilterProblem::WrongValue { expected } => write!(f, "must be {expected}"),
            FilterProblem::TooManyValues => write!(f, "has more than {VALUES_MAX} values"),
            FilterProblem::TextTooLong => write!(f, "is longer than {TEXT_BYTES_MAX} bytes"),
        }
    }
}

impl core::error::Error for FilterError {}
