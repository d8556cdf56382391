//! Why a request whose signature fits shows no events.

use countersign_core::provider::{PayloadError, PayloadProblem};

/// Digits of the number in `\\u`.
const DIGITS: usize = 4;

/// In one line.
pub(super) fn no_events(body: &[u8], error: &PayloadError) -> String {
    let is_no_json = matches!(error.problem, PayloadProblem::NotJson { .. });
    match lone_surrogate(body).filter(|_| is_no_json) {
        Some(escape) => format!(
            "no events: the body has the lone surrogate {escape}, half of a character, which is no text; JSON.stringify writes it for an \
             emoji that was cut in half, and JSON.parse takes it"
        ),
        None => error.to_string(),
    }
}

/// The first escape in JSON of one half of a character whose other half does not stand beside it.
fn lone_surrogate(json: &[u8]) -> Option<String> {
    let mut rest = json;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        let escape = rest.get(at..)?;
        rest = match unit(escape) {
            Some(0xd800..=0xdbff) => {
                let behind = escape.get(DIGITS + 2..)?;
                match unit(behind) {
                    Some(0xdc00..=0xdfff) => behind.get(DIGITS + 2..)?,
                    _ => return written(escape),
                }
            }
            Some(0xdc00..=0xdfff) => return written(escape),
            // Of two characters, or longer with nothing in it that looks like another one.
            _ => escape.get(2..)?,
        };
    }
    None
}

/// The number of an escape that the text begins with.
fn unit(text: &[u8]) -> Option<u16> {
    let digits = text.strip_prefix(b"\\u")?.get(..DIGITS)?;
    let digits = std::str::from_utf8(digits).ok()?;
    u16::from_str_radix(digits, 16).ok()
}

fn written(escape: &[u8]) -> Option<String> {
    let escape = escape.get(..DIGITS + 2)?;
    Some(String::from_utf8_lossy(escape).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_characters_are_found_and_whole_ones_are_not() {
        for (json, found) in [
            (r#""Great deal \ud83d""#, Some("\\ud83d")),
            (r#""\uD83D\ud83d\ude00""#, Some("\\uD83D")),
            (r#""\ude00\ud83d""#, Some("\\ude00")),
            (r#""\ud83d\u0041""#, Some("\\ud83d")),
            (r#""\ud83d\ude00 \\ud83d \u00e9\"\n""#, None),
            (r#""\ud83""#, None),
            ("\"\\", None),
            ("{}", None),
        ] {
            assert_eq!(lone_surrogate(json.as_bytes()).as_deref(), found, "{json}");
        }
    }
}
