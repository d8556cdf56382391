//! From the parts of a frame to a request.

use super::Verifier;
#[cfg(feature = "full")]
use super::{ALL_HEADERS, METHOD, URL};
#[cfg(feature = "full")]
use crate::frame;
use crate::{code::Code, frame::Frame};
use alloc::string::String;
#[cfg(feature = "full")]
use core::str::from_utf8;
use countersign_core::{Headers, Request};

/// Header values by slot, and all headers where a signature may list any.
pub(super) struct Slots<'a> {
    names: &'a [String],
    values: Frame<'a>,
    /// Names and values, alternating.
    #[cfg(feature = "full")]
    all: Option<Frame<'a>>,
}

impl Slots<'_> {
    #[cfg(feature = "full")]
    fn text(&self, name: &str) -> Option<&str> {
        from_utf8(self.slot(name)?).ok()
    }

    fn slot(&self, name: &str) -> Option<&[u8]> {
        let is_same = |candidate: &String| candidate.eq_ignore_ascii_case(name);
        self.values.get(self.names.iter().position(is_same)?)
    }
}

impl Headers for Slots<'_> {
    fn header(&self, name: &str) -> Option<&[u8]> {
        #[cfg(not(feature = "full"))]
        return self.slot(name);
        // A signature may list any name; those of the other slots are no headers.
        #[cfg(feature = "full")]
        if name.starts_with(':') {
            return None;
        }
        #[cfg(feature = "full")]
        self.slot(name).or_else(|| {
            let mut all = self.all?.iter();
            while let (Some(key), Some(value)) = (all.next(), all.next()) {
                if key.is_some_and(|key| key.eq_ignore_ascii_case(name.as_bytes())) {
                    return value;
                }
            }
            None
        })
    }
}

impl<'a> Slots<'a> {
    /// The slots of a frame, whose last part is no slot.
    pub(super) fn read(verifier: &'a Verifier, parts: Frame<'a>) -> Result<Self, Code> {
        let names = verifier.slots.as_slice();
        if parts.len() != names.len().saturating_add(1) {
            return Err(Code::BadFrame);
        }
        #[cfg(feature = "full")]
        let all = match names.split_last() {
            Some((last, before)) if last == ALL_HEADERS => parts.get(before.len()),
            _ => None,
        };
        Ok(Self {
            names,
            values: parts,
            #[cfg(feature = "full")]
            all: all
                .map(|all| frame::read(all).ok_or(Code::BadFrame))
                .transpose()?,
        })
    }

    /// The request with this body.
    pub(super) fn request<'r>(&'r self, body: &'r [u8]) -> Request<'r, Self> {
        let simple = Request::new(self, body);
        #[cfg(feature = "full")]
        let simple = Request {
            method: self.text(METHOD).unwrap_or(simple.method),
            url: self.text(URL).unwrap_or_default(),
            ..simple
        };
        simple
    }
}
