//! From the parts of a frame to a request.

use super::Verifier;
#[cfg(feature = "full")]
use super::{ALL_HEADERS, METHOD, URL};
use crate::code::Code;
#[cfg(feature = "full")]
use crate::frame;
use alloc::string::String;
#[cfg(feature = "full")]
use alloc::vec::Vec;
#[cfg(feature = "full")]
use core::str::from_utf8;
use countersign_core::{Headers, Request};

/// Header values by slot, and all headers where a signature may list any.
pub(super) struct Slots<'a> {
    names: &'a [String],
    values: &'a [Option<&'a [u8]>],
    /// Names and values, alternating.
    #[cfg(feature = "full")]
    all: Vec<Option<&'a [u8]>>,
}

impl Slots<'_> {
    #[cfg(feature = "full")]
    fn text(&self, name: &str) -> Option<&str> {
        from_utf8(self.slot(name)?).ok()
    }

    fn slot(&self, name: &str) -> Option<&[u8]> {
        let is_same = |candidate: &String| candidate.eq_ignore_ascii_case(name);
        let slot = self.names.iter().position(is_same)?;
        self.values.get(slot).copied().flatten()
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
            self.all.chunks(2).find_map(|pair| match pair {
                [Some(key), value] if key.eq_ignore_ascii_case(name.as_bytes()) => *value,
                _ => None,
            })
        })
    }
}

impl<'a> Slots<'a> {
    /// The slots of a frame, whose last part is no slot.
    pub(super) fn read(
        verifier: &'a Verifier,
        parts: &'a [Option<&'a [u8]>],
    ) -> Result<Self, Code> {
        let names = verifier.slots.as_slice();
        if parts.len() != names.len().saturating_add(1) {
            return Err(Code::BadFrame);
        }
        #[cfg(feature = "full")]
        let all = match names.last() {
            Some(last) if last == ALL_HEADERS => parts.get(names.len().wrapping_sub(1)),
            _ => None,
        };
        #[cfg(feature = "full")]
        let all = match all.copied().flatten() {
            Some(all) => frame::read(all).ok_or(Code::BadFrame)?,
            None => Vec::new(),
        };
        Ok(Self {
            names,
            values: parts,
            #[cfg(feature = "full")]
            all,
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
