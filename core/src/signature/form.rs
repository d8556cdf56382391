//! Form bodies and query strings, `application/x-www-form-urlencoded`.
//!
//! Source: WHATWG URL Standard, section 5.1. Of our own because the crate for it brings text searching and formatting with
//! it, which is a tenth of a small verifier in wasm; a test holds it against that crate.

use alloc::{string::String, vec::Vec};

/// Names and values as they stand, in their order.
pub(crate) fn pairs(text: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    let pairs = text.split(|byte| *byte == b'&');
    pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let equals = pair.iter().position(|byte| *byte == b'=');
        let halves = equals.and_then(|at| pair.split_at_checked(at));
        let (name, value) = halves.unwrap_or((pair, b""));
        (name, value.strip_prefix(b"=").unwrap_or_default())
    })
}

/// The value of the first field of this name.
#[cfg(feature = "every-scheme")]
pub(super) fn field(text: &[u8], name: &str) -> Option<String> {
    pairs(text)
        .find(|(candidate, _)| decoded(candidate) == name)
        .map(|(_, value)| decoded(value))
}

/// A name or value without its escapes. What is no text then has replacement characters in it.
pub(crate) fn decoded(text: &[u8]) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        bytes.push(match (first, after) {
            (b'+', _) => b' ',
            (b'%', [high, low, after @ ..]) => match hex(*high).zip(hex(*low)) {
                Some((high, low)) => {
                    rest = after;
                    high.wrapping_shl(4) | low
                }
                None => b'%',
            },
            _ => *first,
        });
    }
    match String::from_utf8_lossy(&bytes) {
        alloc::borrow::Cow::Owned(text) => text,
        // It was text already.
        alloc::borrow::Cow::Borrowed(_) => String::from_utf8(bytes).unwrap_or_default(),
    }
}

/// The value of a hexadecimal digit of either case.
fn hex(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit.wrapping_sub(b'0')),
        b'a'..=b'f' => Some(digit.wrapping_sub(b'a').wrapping_add(10)),
        b'A'..=b'F' => Some(digit.wrapping_sub(b'A').wrapping_add(10)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(text: &[u8]) -> Vec<(String, String)> {
        pairs(text)
            .map(|(name, value)| (decoded(name), decoded(value)))
            .collect()
    }

    #[test]
    fn every_short_text_is_read_as_the_crate_reads_it() {
        let alphabet = b"a&=+%4fG\xe9\xc3";
        let mut texts: Vec<Vec<u8>> = Vec::from([Vec::new()]);
        let mut judged = 0;
        for _ in 0..5 {
            let longer = texts.iter().flat_map(|text| {
                alphabet
                    .iter()
                    .map(move |last| [text.as_slice(), &[*last]].concat())
            });
            texts = longer.collect();
            for text in &texts {
                let parsed = form_urlencoded::parse(text);
                let expected: Vec<_> = parsed
                    .map(|(name, value)| (name.into_owned(), value.into_owned()))
                    .collect();
                assert_eq!(ours(text), expected, "{}", String::from_utf8_lossy(text));
                judged += 1;
            }
        }
        assert!(judged > 100_000);
    }

    #[cfg(feature = "every-scheme")]
    #[test]
    fn the_first_field_of_a_name_counts() {
        let text = b"x=1&b%6Fdy=a+b%21&body=2";
        assert_eq!(field(text, "body").as_deref(), Some("a b!"));
        assert_eq!(field(text, "y"), None);
    }
}
