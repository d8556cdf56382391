//! Why a filter does not hold.

use super::{Filter, Term, evaluate::Seen, path};
use alloc::{string::String, vec::Vec};
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A condition that does not hold.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Miss {
    /// Where it stands in the filter: `and[0]["/data/total"].gte`.
    pub condition: String,
    /// What it met.
    pub found: Found,
}

/// What a condition met: the kind of the value, never the value itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Found {
    /// There is nothing at the place.
    Absent,
    /// `null`.
    Null,
    /// `true` or `false`.
    Boolean,
    /// A number.
    Number,
    /// A text.
    Text,
    /// A list.
    List,
    /// An object.
    Object,
    /// Of a `not`: what must not hold did.
    Held,
}

impl Found {
    /// The word for it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Absent => "absent",
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Number => "number",
            Self::Text => "text",
            Self::List => "list",
            Self::Object => "object",
            Self::Held => "held",
        }
    }
}

impl From<Seen<'_>> for Found {
    fn from(seen: Seen<'_>) -> Self {
        match seen {
            Seen::Absent => Self::Absent,
            Seen::Null => Self::Null,
            Seen::Bool(_) => Self::Boolean,
            Seen::Number(_) => Self::Number,
            Seen::Text(_) => Self::Text,
            Seen::List(_) => Self::List,
            Seen::Object => Self::Object,
        }
    }
}

impl Filter {
    /// The conditions that an event of this type, with this body, does not meet, in the order of the filter and `misses_max` at
    /// most. Empty when the filter [`holds`](Self::holds). Of an `or` that does not hold, all that would have been enough.
    pub fn explain(&self, event_type: &str, body: &Value, misses_max: usize) -> Vec<Miss> {
        let mut search = Search {
            event_type,
            body,
            misses: Vec::new(),
            misses_max: misses_max.max(1),
        };
        search.filter(self, "");
        search.misses
    }
}

struct Search<'v> {
    event_type: &'v str,
    body: &'v Value,
    misses: Vec<Miss>,
    misses_max: usize,
}

impl Search<'_> {
    fn filter(&mut self, filter: &Filter, at: &str) {
        for term in &filter.terms {
            if term.holds(self.event_type, self.body) {
                continue;
            }
            match term {
                Term::And(filters) => self.filters(filters, &path::entry(at, "and")),
                Term::Or(filters) => self.filters(filters, &path::entry(at, "or")),
                Term::Not(_) => self.miss(path::entry(at, "not"), Found::Held),
                Term::At(place, tests) => {
                    let at = path::entry(at, &place.name());
                    let seen = place.see(self.event_type, self.body);
                    for test in tests.iter().filter(|test| !test.holds(seen)) {
                        self.miss(path::entry(&at, test.name()), seen.into());
                    }
                }
            }
        }
    }

    fn filters(&mut self, filters: &[Filter], at: &str) {
        for (place, filter) in filters.iter().enumerate() {
            if self.misses.len() >= self.misses_max {
                return;
            }
            self.filter(filter, &path::element(at, place));
        }
    }

    fn miss(&mut self, condition: String, found: Found) {
        if self.misses.len() < self.misses_max {
            self.misses.push(Miss { condition, found });
        }
    }
}
