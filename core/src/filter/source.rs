//! The JSON of a filter as it was written, names that occur twice included: which of them counts would be a guess.

use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;
use serde::{
    Deserialize, Deserializer,
    de::{Error, MapAccess, SeqAccess, Visitor},
};

use super::number::Number;

/// A JSON value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Source {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Source>),
    /// In the order written.
    Object(Vec<(String, Source)>),
}

impl<'de> Deserialize<'de> for Source {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Source;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<Source, E> {
        Ok(Source::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Source, E> {
        Ok(Source::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Source, E> {
        Ok(Source::Number(Number::Whole(value.into())))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Source, E> {
        Ok(Source::Number(Number::Whole(value.into())))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Source, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("not a number"))?;
        Ok(Source::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Source, E> {
        Ok(Source::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Source, E> {
        Ok(Source::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Source, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Source::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Source, A::Error> {
        let mut object = Vec::new();
        while let Some(entry) = entries.next_entry()? {
            object.push(entry);
        }
        Ok(Source::Object(object))
    }
}
