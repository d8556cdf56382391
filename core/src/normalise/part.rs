//! Some of the events of a body, so that a long one is read within bounded memory and time.

use super::{parse, sendgrid};
use crate::{
    event::{Event, Source},
    headers::Headers,
    provider::{
        PayloadError, PayloadProblem,
        payload::mended,
        sendgrid::{EVENTS_MAX, read_at},
    },
};
use alloc::vec::Vec;
use core::fmt;
use serde::{
    Deserializer,
    de::{
        DeserializeSeed, IgnoredAny, MapAccess, SeqAccess, Visitor, value::MapAccessDeserializer,
    },
};
use serde_json::{Value, error::Category};

/// Some of the events of a body.
#[derive(Debug, Clone, PartialEq)]
pub struct Part {
    /// They, in the order of the body.
    pub events: Vec<Event>,
    /// Whether more follow.
    pub more: bool,
}

/// Reads the events of a body from the place `first` on (from 0), `most` of them at most. All parts together are what
/// [`parse`](super::parse) reads; each needs memory for its own events only.
///
/// # Errors
/// [`PayloadError`] as of [`parse`](super::parse), with paths in the whole body. What is wrong behind a part may be found with
/// a later part only, so that nothing is to be done before all of them are read.
pub fn parse_part<H: Headers + ?Sized>(
    source: Source,
    headers: &H,
    body: &[u8],
    first: usize,
    most: usize,
) -> Result<Part, PayloadError> {
    if source != Source::Sendgrid {
        let mut events = match first {
            0 => parse(source, headers, body)?,
            _ => Vec::new(),
        };
        let more = events.len() > most;
        events.truncate(most);
        return Ok(Part { events, more });
    }
    let taken = elements(body, first, most)?;
    let places = first..;
    let read = |(element, at): (Value, usize)| {
        let payload = read_at(element.clone(), at)?;
        Ok(sendgrid::event(payload, element))
    };
    let events = taken.elements.into_iter().zip(places).map(read);
    Ok(Part {
        events: events.collect::<Result<_, PayloadError>>()?,
        more: taken.total > first.saturating_add(most),
    })
}

struct Taken {
    elements: Vec<Value>,
    total: usize,
}

fn elements(body: &[u8], first: usize, most: usize) -> Result<Taken, PayloadError> {
    let taken = mended(body, |body| {
        let mut reader = serde_json::Deserializer::from_slice(body);
        let taken = Window { first, most }.deserialize(&mut reader)?;
        reader.end().map(|()| taken)
    });
    let taken = taken.map_err(|error| match error.classify() {
        Category::Data => PayloadError::wrong_type("", "expected a list of objects"),
        Category::Syntax | Category::Eof | Category::Io => PayloadError::new(
            "",
            PayloadProblem::NotJson {
                line: error.line(),
                column: error.column(),
            },
        ),
    })?;
    match taken.total > EVENTS_MAX {
        true => Err(PayloadError::new(
            "",
            PayloadProblem::TooMany { max: EVENTS_MAX },
        )),
        false => Ok(taken),
    }
}

/// Which elements are kept; all are counted. An object alone counts as a list of one.
#[derive(Clone, Copy)]
struct Window {
    first: usize,
    most: usize,
}

impl<'de> DeserializeSeed<'de> for Window {
    type Value = Taken;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Taken, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Window {
    type Value = Taken;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of objects")
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Taken, A::Error> {
        let alone: Value = serde::Deserialize::deserialize(MapAccessDeserializer::new(map))?;
        Ok(Taken {
            elements: match self.first == 0 && self.most > 0 {
                true => Vec::from([alone]),
                false => Vec::new(),
            },
            total: 1,
        })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Taken, A::Error> {
        let mut elements = Vec::new();
        let mut total: usize = 0;
        loop {
            let is_wanted = total >= self.first && elements.len() < self.most;
            let is_there = match is_wanted {
                true => list
                    .next_element()?
                    .map(|element| elements.push(element))
                    .is_some(),
                false => list.next_element::<IgnoredAny>()?.is_some(),
            };
            if !is_there {
                return Ok(Taken { elements, total });
            }
            total = total.saturating_add(1);
        }
    }
}
