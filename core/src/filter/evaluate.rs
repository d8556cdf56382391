//! Whether a filter holds.

use super::{
    Bound, Comparison, Filter, Number, Place, SEARCHED_BYTES_MAX, SEARCHED_ITEMS_MAX, Scalar, Term,
    Test,
};
use core::cmp::Ordering;
use serde_json::Value;

/// What is at a place.
#[derive(Clone, Copy)]
pub(super) enum Seen<'v> {
    Absent,
    Null,
    Bool(bool),
    Number(&'v serde_json::Number),
    Text(&'v str),
    List(&'v [Value]),
    Object,
}

impl Filter {
    /// Whether an event of this type, with this body, passes.
    pub fn holds(&self, event_type: &str, body: &Value) -> bool {
        self.terms.iter().all(|term| term.holds(event_type, body))
    }
}

impl Term {
    pub(super) fn holds(&self, event_type: &str, body: &Value) -> bool {
        match self {
            Self::And(filters) => filters.iter().all(|inner| inner.holds(event_type, body)),
            Self::Or(filters) => filters.iter().any(|inner| inner.holds(event_type, body)),
            Self::Not(inner) => !inner.holds(event_type, body),
            Self::At(place, tests) => {
                let seen = place.see(event_type, body);
                tests.iter().all(|test| test.holds(seen))
            }
        }
    }
}

impl Place {
    pub(super) fn see<'v>(&self, event_type: &'v str, body: &'v Value) -> Seen<'v> {
        match self {
            Self::Type => Seen::Text(event_type),
            Self::Body(pointer) => pointer.find(body).map_or(Seen::Absent, Seen::of),
        }
    }
}

impl<'v> Seen<'v> {
    fn of(value: &'v Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Bool(value) => Self::Bool(*value),
            Value::Number(number) => Self::Number(number),
            Value::String(text) => Self::Text(text),
            Value::Array(items) => Self::List(items),
            Value::Object(_) => Self::Object,
        }
    }
}

impl Test {
    pub(super) fn holds(&self, seen: Seen<'_>) -> bool {
        match (self, seen) {
            (Self::Exists(exists), Seen::Absent) => !exists,
            (Self::Exists(exists), _) => *exists,
            (Self::Equal(value), seen) => value.is(seen),
            (Self::In(values), seen) => values.iter().any(|value| value.is(seen)),
            (Self::Compare(comparison, Bound::Number(bound)), Seen::Number(number)) => {
                Number::of(number).is_some_and(|number| comparison.allows(number.compare(*bound)))
            }
            (Self::Compare(comparison, Bound::Text(bound)), Seen::Text(text)) => {
                comparison.allows(text.cmp(bound))
            }
            (Self::Prefix(prefix), Seen::Text(text)) => text.starts_with(prefix.as_str()),
            (Self::Suffix(suffix), Seen::Text(text)) => text.ends_with(suffix.as_str()),
            (Self::Contains(Scalar::Text(part)), Seen::Text(text)) => {
                let searched = text.floor_char_boundary(SEARCHED_BYTES_MAX);
                text.get(..searched)
                    .is_some_and(|text| text.contains(part.as_str()))
            }
            (Self::Contains(value), Seen::List(items)) => items
                .iter()
                .take(SEARCHED_ITEMS_MAX)
                .any(|item| value.is(Seen::of(item))),
            // What is of another kind, or not there, is neither greater nor less, nor has it parts.
            (
                Self::Compare(..) | Self::Prefix(_) | Self::Suffix(_) | Self::Contains(_),
                Seen::Absent
                | Seen::Null
                | Seen::Bool(_)
                | Seen::Number(_)
                | Seen::Text(_)
                | Seen::List(_)
                | Seen::Object,
            ) => false,
        }
    }
}

impl Comparison {
    const fn allows(self, ordering: Ordering) -> bool {
        match self {
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
        }
    }
}

impl Scalar {
    fn is(&self, seen: Seen<'_>) -> bool {
        match (self, seen) {
            (Self::Null, Seen::Null) => true,
            (Self::Bool(value), Seen::Bool(seen)) => *value == seen,
            (Self::Number(value), Seen::Number(seen)) => Number::of(seen) == Some(*value),
            (Self::Text(value), Seen::Text(seen)) => value == seen,
            (Self::Null | Self::Bool(_) | Self::Number(_) | Self::Text(_), _) => false,
        }
    }
}
