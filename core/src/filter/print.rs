//! From a filter to JSON, and the two forms in which it travels.

use super::{Bound, Filter, Place, Scalar, Term, Test, source::Source};
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};
use serde_json::{Map, Value};

impl Filter {
    /// The filter as its owner writes it; [`parse`](Self::parse) reads it back as the same filter.
    pub fn to_json(&self) -> Value {
        let terms = self.terms.iter().map(Term::to_json);
        Value::Object(terms.collect::<Map<_, _>>())
    }
}

impl Term {
    fn to_json(&self) -> (String, Value) {
        let list = |filters: &[Filter]| filters.iter().map(Filter::to_json).collect();
        match self {
            Self::And(filters) => ("and".to_owned(), list(filters)),
            Self::Or(filters) => ("or".to_owned(), list(filters)),
            Self::Not(filter) => ("not".to_owned(), filter.to_json()),
            Self::At(place, tests) => {
                let value = match tests.as_slice() {
                    [Test::Equal(value)] => value.to_json(),
                    tests => {
                        let tests = tests.iter();
                        let tests = tests.map(|test| (test.name().to_owned(), test.to_json()));
                        Value::Object(tests.collect())
                    }
                };
                (place.name(), value)
            }
        }
    }
}

impl Place {
    /// Its name in JSON.
    pub(super) fn name(&self) -> String {
        match self {
            Self::Type => "type".to_owned(),
            Self::Body(pointer) => pointer.text(),
        }
    }
}

impl Test {
    fn to_json(&self) -> Value {
        match self {
            Self::Equal(value) | Self::Contains(value) => value.to_json(),
            Self::In(values) => values.iter().map(Scalar::to_json).collect(),
            Self::Compare(_, Bound::Number(number)) => number.to_json(),
            Self::Compare(_, Bound::Text(text)) | Self::Prefix(text) | Self::Suffix(text) => {
                text.as_str().into()
            }
            Self::Exists(exists) => (*exists).into(),
        }
    }
}

impl Scalar {
    fn to_json(&self) -> Value {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => (*value).into(),
            Self::Number(number) => number.to_json(),
            Self::Text(text) => text.as_str().into(),
        }
    }
}

/// In JSON as its owner writes it, elsewhere in parts, so that nothing has to be read again.
impl Serialize for Filter {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match serializer.is_human_readable() {
            true => self.to_json().serialize(serializer),
            false => self.terms.serialize(serializer),
        }
    }
}

impl<'de> Deserialize<'de> for Filter {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match deserializer.is_human_readable() {
            true => Self::read(Source::deserialize(deserializer)?).map_err(D::Error::custom),
            false => Vec::deserialize(deserializer).map(|terms| Self { terms }),
        }
    }
}
