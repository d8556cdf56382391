//! The signed bytes of a request or a message, in every spelling that a scheme allows.

use super::scheme::{Part, Scheme};
#[cfg(feature = "every-scheme")]
use super::{form, mac::sha256, url::query_parameter};
use alloc::borrow::Cow;
#[cfg(feature = "every-scheme")]
use alloc::{collections::BinaryHeap, string::String, vec::Vec};
#[cfg(feature = "every-scheme")]
use core::{cmp::Reverse, iter::once};

/// The values that [`Part`]s stand for.
pub(super) struct Content<'a> {
    #[cfg(feature = "every-scheme")]
    pub(super) method: &'a [u8],
    /// In the spelling that is being tried.
    #[cfg(feature = "every-scheme")]
    pub(super) url: Cow<'a, [u8]>,
    pub(super) id: &'a [u8],
    pub(super) timestamp: Cow<'a, [u8]>,
    /// Names of further signed headers, as the signature header lists them, and their values.
    #[cfg(feature = "every-scheme")]
    pub(super) listed: Listed<'a>,
    /// Fields of a form body, sorted and joined.
    #[cfg(feature = "every-scheme")]
    pub(super) fields: Vec<u8>,
    /// In the spelling that is being tried.
    pub(super) body: Cow<'a, [u8]>,
}

/// Headers that a signature names.
#[cfg(feature = "every-scheme")]
#[derive(Default)]
pub(super) struct Listed<'a> {
    pub(super) names: Cow<'a, [u8]>,
    /// Their values, joined with full stops.
    pub(super) values: Vec<u8>,
}

/// The body is not the one whose hash the address holds.
pub(super) struct OtherBody;

impl<'a> Content<'a> {
    /// `id`, `timestamp` and `listed` are empty where the scheme has none.
    #[cfg_attr(
        not(feature = "every-scheme"),
        expect(
            unused,
            reason = "without these schemes the content is no more than this"
        )
    )]
    pub(super) fn new(
        scheme: &Scheme,
        method: &'a str,
        url: &'a str,
        body: &'a [u8],
    ) -> Result<Self, OtherBody> {
        let mut content = Self {
            #[cfg(feature = "every-scheme")]
            method: method.as_bytes(),
            #[cfg(feature = "every-scheme")]
            url: Cow::Borrowed(b""),
            id: b"",
            timestamp: Cow::Borrowed(b""),
            #[cfg(feature = "every-scheme")]
            listed: Listed::default(),
            #[cfg(feature = "every-scheme")]
            fields: Vec::new(),
            body: Cow::Borrowed(body),
        };
        #[cfg(feature = "every-scheme")]
        for part in scheme.content.iter() {
            match part {
                Part::Url(forms) => content.url = forms.first(url.as_bytes()),
                Part::SortedFields => content.fields = sorted_fields(body, false),
                Part::SortedFieldsOrHashInUrl => {
                    match query_parameter(url.as_bytes(), "bodySHA256") {
                        None => content.fields = sorted_fields(body, true),
                        Some(hash) if hash == hex(&sha256(once(body))) => {}
                        Some(_) => return Err(OtherBody),
                    }
                }
                _ => {}
            }
        }
        Ok(content)
    }

    /// The signed bytes, one part after the other.
    pub(super) fn parts<'c>(&'c self, scheme: &'c Scheme) -> impl Iterator<Item = &'c [u8]> {
        scheme.content.iter().map(|part| match part {
            Part::Body => &*self.body,
            #[cfg(feature = "every-scheme")]
            Part::BodyOrEscaped => &*self.body,
            #[cfg(feature = "every-scheme")]
            Part::SortedFields | Part::SortedFieldsOrHashInUrl => &self.fields,
            #[cfg(feature = "every-scheme")]
            Part::Url(_) => &self.url,
            #[cfg(feature = "every-scheme")]
            Part::Method => self.method,
            Part::Id => self.id,
            Part::Timestamp => &self.timestamp,
            #[cfg(feature = "every-scheme")]
            Part::ListedNames => &self.listed.names,
            #[cfg(feature = "every-scheme")]
            Part::ListedValues => &self.listed.values,
            Part::Literal(text) => text.as_bytes(),
        })
    }

    #[cfg(feature = "every-scheme")]
    /// The spellings beside the one that it has now, each as one changed value.
    #[inline(never)]
    pub(super) fn others(&self, scheme: &Scheme, url: &str) -> Vec<Change> {
        let mut changes = Vec::new();
        for part in scheme.content.iter() {
            match part {
                Part::Url(forms) => {
                    for url in forms.others(url.as_bytes()) {
                        changes.push(Change::Url(url));
                    }
                }
                Part::BodyOrEscaped => {
                    if let Some(body) = escaped(&self.body) {
                        changes.push(Change::Body(body));
                    }
                }
                _ => {}
            }
        }
        changes
    }

    #[cfg(feature = "every-scheme")]
    pub(super) fn apply(&mut self, change: Change) {
        match change {
            Change::Url(url) => self.url = Cow::Owned(url),
            Change::Body(body) => self.body = Cow::Owned(body.into_bytes()),
        }
    }
}

/// Another spelling of a value.
#[cfg(feature = "every-scheme")]
pub(super) enum Change {
    Url(Vec<u8>),
    Body(String),
}

/// Names and values of a form body, sorted by name. `distinct` also sorts the values of a name and drops doubles; without it
/// they keep their order.
#[inline(never)]
#[cfg(feature = "every-scheme")]
fn sorted_fields(body: &[u8], distinct: bool) -> Vec<u8> {
    // A heap, because the sorts of the standard library are large in wasm.
    let mut heap = BinaryHeap::new();
    for (place, (name, value)) in form::pairs(body).enumerate() {
        let place = if distinct { 0 } else { place };
        heap.push(Reverse((form::decoded(name), place, form::decoded(value))));
    }
    let mut joined = Vec::new();
    let mut last = None;
    while let Some(Reverse(field)) = heap.pop() {
        if !distinct || last.as_ref() != Some(&field) {
            joined.extend_from_slice(field.0.as_bytes());
            joined.extend_from_slice(field.2.as_bytes());
        }
        last = Some(field);
    }
    joined
}

#[cfg(feature = "every-scheme")]
fn hex(digest: &[u8]) -> String {
    base16ct::lower::encode_string(digest)
}

/// The text with every character outside ASCII as `\uXXXX`; `None` when there is none or the bytes are no text.
#[cfg(feature = "every-scheme")]
pub(crate) fn escaped(body: &[u8]) -> Option<String> {
    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f',
    ];
    if body.is_ascii() {
        return None;
    }
    let text = core::str::from_utf8(body).ok()?;
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_ascii() {
            escaped.push(character);
            continue;
        }
        for unit in character.encode_utf16(&mut [0; 2]) {
            escaped.push_str("\\u");
            for shift in [12_u32, 8, 4, 0] {
                let digit = unit.checked_shr(shift).unwrap_or_default() & 0xf;
                escaped.push(DIGITS.get(usize::from(digit)).copied().unwrap_or('0'));
            }
        }
    }
    Some(escaped)
}

#[cfg(all(test, feature = "every-scheme"))]
mod tests {
    use super::*;

    #[test]
    fn fields_are_decoded_and_sorted() {
        let body = b"b=2&a=x+y&b=1&a=%C3%A9&b=1";
        assert_eq!(sorted_fields(body, true), "ax yaéb1b2".as_bytes());
        assert_eq!(sorted_fields(body, false), "ax yaéb2b1b1".as_bytes());
        assert!(sorted_fields(b"", true).is_empty());
    }

    #[test]
    fn characters_outside_ascii_are_escaped_as_utf_16() {
        let text = "a\"é😀\u{7f}".as_bytes();
        assert_eq!(
            escaped(text).as_deref(),
            Some("a\"\\u00e9\\ud83d\\ude00\u{7f}")
        );
        assert_eq!(escaped(b"plain"), None);
        assert_eq!(escaped(b"\xff"), None);
    }
}
