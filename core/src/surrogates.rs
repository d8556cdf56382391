//! Escapes of half a character in JSON.
//!
//! `JSON.stringify` writes the halves of a character beyond U+FFFF as two escapes, `\ud83d\ude00`, and one of them alone when a text
//! was cut between them. `JSON.parse` takes that; Rust's texts cannot hold it. What was cut is lost either way, so half a
//! character becomes U+FFFD, as it does in a browser that sends the text on (WHATWG Encoding, "USVString").

use alloc::{borrow::Cow, vec::Vec};

/// U+FFFD, as long as what it replaces: line and column of all else stay.
const REPLACEMENT: &[u8] = b"\\ufffd";

/// Half a character.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Half {
    /// `d800` to `dbff`
    First,
    /// `dc00` to `dfff`
    Second,
}

/// The JSON text with U+FFFD in place of each half that has no other half beside it. Borrowed when there is none.
pub fn replace_lone(text: &[u8]) -> Cow<'_, [u8]> {
    let mut replaced: Option<Vec<u8>> = None;
    let mut at: usize = 0;
    while let Some(found) = text.get(at..).and_then(find) {
        at = at.saturating_add(found);
        let after = at.saturating_add(REPLACEMENT.len());
        let step = match (half(text, at), half(text, after)) {
            (Some(Half::First), Some(Half::Second)) => REPLACEMENT.len().saturating_mul(2),
            (Some(_), _) => {
                let text = replaced.get_or_insert_with(|| text.to_vec());
                if let Some(place) = text.get_mut(at..after) {
                    place.copy_from_slice(REPLACEMENT);
                }
                REPLACEMENT.len()
            }
            // Another escape: what follows the backslash is no beginning of one.
            (None, _) => 2,
        };
        at = at.saturating_add(step);
    }
    replaced.map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Where the next backslash is.
fn find(text: &[u8]) -> Option<usize> {
    text.iter().position(|byte| *byte == b'\\')
}

/// What the escape at this place stands for, if it is half a character.
fn half(text: &[u8], at: usize) -> Option<Half> {
    let escape = text.get(at..)?.strip_prefix(b"\\u")?;
    let [b'd' | b'D', second, third, fourth, ..] = escape else {
        return None;
    };
    if !(third.is_ascii_hexdigit() && fourth.is_ascii_hexdigit()) {
        return None;
    }
    match second {
        b'8' | b'9' | b'a' | b'b' | b'A' | b'B' => Some(Half::First),
        b'c'..=b'f' | b'C'..=b'F' => Some(Half::Second),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use serde_json::Value;

    fn read(text: &str) -> Option<String> {
        let replaced = replace_lone(text.as_bytes());
        match serde_json::from_slice(&replaced).ok()? {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    #[test]
    fn halves_alone_are_replaced_and_pairs_stay() {
        for (text, expected) in [
            (r#""a\ud83d""#, "a\u{fffd}"),
            (r#""\ud83d\ude00""#, "\u{1f600}"),
            (r#""\uD83D\uDE00\uDE00""#, "\u{1f600}\u{fffd}"),
            (r#""\ud83d\ud83d\ude00""#, "\u{fffd}\u{1f600}"),
            (r#""\ude00\ud83d""#, "\u{fffd}\u{fffd}"),
            (r#""\ud83d\n\ude00""#, "\u{fffd}\n\u{fffd}"),
            // A backslash of its own, and text after it.
            (r#""\\ud83d""#, "\\ud83d"),
            (r#""\\\ud83d""#, "\\\u{fffd}"),
            (r#""\ud7ff\ue000""#, "\u{d7ff}\u{e000}"),
        ] {
            assert_eq!(read(text).as_deref(), Some(expected), "{text}");
        }
    }

    #[test]
    fn what_can_be_read_is_left_alone() {
        for text in [
            r#"{"a": "\u00e9\ud83d\ude00"}"#,
            "",
            "\\",
            "\\u",
            "\\ud83",
            "\\udxyz",
            "[1]",
        ] {
            assert!(
                matches!(replace_lone(text.as_bytes()), Cow::Borrowed(_)),
                "{text}"
            );
        }
    }

    /// The text is read wherever all of it but the halves is JSON, and nothing else is read that was not before.
    #[test]
    fn every_short_text_is_read_when_it_is_json_but_for_halves() {
        let parts = ["\\", "u", "ud83d", "\\ud83d", "\\ude00", "n", "d"];
        let mut texts: Vec<String> = Vec::from([String::new()]);
        let (mut mended, mut refused) = (0, 0);
        for _ in 0..5 {
            let longer = texts
                .iter()
                .flat_map(|text| parts.iter().map(move |part| alloc::format!("{text}{part}")));
            texts = longer.collect();
            for text in &texts {
                let quoted = alloc::format!("\"{text}\"");
                // It passes over texts without reading their halves.
                let is_json = serde_json::from_str::<serde::de::IgnoredAny>(&quoted).is_ok();
                assert_eq!(read(&quoted).is_some(), is_json, "{quoted}");
                match is_json {
                    true => mended += 1,
                    false => refused += 1,
                }
            }
        }
        assert!(mended > 1_000 && refused > 1_000, "{mended} {refused}");
    }
}
