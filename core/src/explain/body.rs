//! Bodies that were changed between the sender's hash and the verifier's.

use super::{
    Cause, json,
    trial::{Trials, View},
};
use crate::signature::{BOM, Covers};
use alloc::{
    format,
    string::{String, ToString},
    vec::Vec,
};
use base64ct::{Base64, Encoding};

/// The replacement character in UTF-8.
const REPLACEMENT: &[u8] = b"\xef\xbf\xbd";

pub(super) fn explain(trials: &mut Trials<'_>, view: &View<'_>) {
    let scheme = trials.scheme();
    if !scheme.is_some_and(|scheme| scheme.covers().contains(Covers::BODY)) {
        return;
    }
    length(trials, view);
    const GROUPS: [Group; 4] = [ends, line_breaks, texts, forms];
    for group in GROUPS {
        // Each copies the body a few times: not where no copy could be tried.
        if !trials.can_afford(view.body.len()) {
            return;
        }
        for candidate in group(view.body) {
            if candidate.fits(trials, view) {
                return;
            }
        }
    }
    if json::explain(trials, view) {
        return;
    }
    let replaced = view
        .body
        .windows(REPLACEMENT.len())
        .filter(|window| *window == REPLACEMENT)
        .count();
    if replaced > 0 {
        trials.likely(
            Cause::BodyDecoded,
            format!("The body holds {replaced} replacement characters: bytes that were no valid text were lost when it was decoded."),
        );
    }
}

/// Bodies that may have been signed, of one kind.
type Group = fn(&[u8]) -> Vec<Candidate>;

/// A body that may have been signed.
struct Candidate {
    body: Vec<u8>,
    cause: Cause,
    sentence: &'static str,
}

impl Candidate {
    fn fits(self, trials: &mut Trials<'_>, view: &View<'_>) -> bool {
        let fits = self.body != view.body
            && trials
                .verifies(&View {
                    body: &self.body,
                    ..*view
                })
                .is_some();
        if fits {
            trials.certain(self.cause, self.sentence.to_string());
        }
        fits
    }
}

/// What the headers say of the length.
fn length(trials: &mut Trials<'_>, view: &View<'_>) {
    let declared = view
        .header_text("content-length")
        .and_then(|text| text.parse::<usize>().ok());
    let Some(declared) = declared else {
        return;
    };
    let length = view.body.len();
    if length == 0 && declared > 0 {
        trials.likely(
            Cause::BodyLost,
            format!("The body is empty, and the sender sent {declared} bytes."),
        );
    } else if length < declared {
        trials.likely(
            Cause::BodyTruncated,
            format!("The body has {length} bytes, and the sender sent {declared}."),
        );
    }
}

/// Line breaks at the end, and the byte order mark.
fn ends(body: &[u8]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut add = |body: Vec<u8>, cause, sentence| {
        candidates.push(Candidate {
            body,
            cause,
            sentence,
        })
    };
    for ending in [b"\n".as_slice(), b"\r\n"] {
        add(
            [body, ending].concat(),
            Cause::BodyFinalNewline,
            "The signature fits the body with a line break at its end, which was removed.",
        );
        if let Some(rest) = body.strip_suffix(ending) {
            add(
                rest.to_vec(),
                Cause::BodyFinalNewline,
                "The signature fits the body without the line break at its end, which was added.",
            );
        }
    }
    add(
        body.trim_ascii().to_vec(),
        Cause::BodyFinalNewline,
        "The signature fits the body without the white space around it, which was added.",
    );
    match body.strip_prefix(BOM) {
        Some(rest) => add(
            rest.to_vec(),
            Cause::BodyByteOrderMark,
            "The signature fits the body without its byte order mark, which was added.",
        ),
        None => add(
            [BOM, body].concat(),
            Cause::BodyByteOrderMark,
            "The signature fits the body with a byte order mark, which was removed.",
        ),
    }
    candidates
}

fn line_breaks(body: &[u8]) -> Vec<Candidate> {
    let mut to_lf = Vec::with_capacity(body.len());
    let mut to_crlf = Vec::with_capacity(body.len());
    let mut before = 0;
    for byte in body {
        if *byte == b'\n' {
            if before == b'\r' {
                to_lf.pop();
            } else {
                to_crlf.push(b'\r');
            }
        }
        to_lf.push(*byte);
        to_crlf.push(*byte);
        before = *byte;
    }
    let with_ending = [to_crlf.as_slice(), b"\r\n"].concat();
    let sentences = [
        (
            to_lf,
            "The signature fits the body with LF for its line breaks, which were changed to CR LF.",
        ),
        (
            to_crlf,
            "The signature fits the body with CR LF for its line breaks, which were changed to LF.",
        ),
        (
            with_ending,
            "The signature fits the body with CR LF for its line breaks and at its end, which were changed.",
        ),
    ];
    sentences
        .into_iter()
        .map(|(body, sentence)| Candidate {
            body,
            cause: Cause::BodyLineBreaks,
            sentence,
        })
        .collect()
}

/// Text in another encoding, base64, JSON in JSON.
fn texts(body: &[u8]) -> Vec<Candidate> {
    let mut candidates = Vec::new();
    let mut add = |body: Vec<u8>, cause, sentence| {
        candidates.push(Candidate {
            body,
            cause,
            sentence,
        })
    };
    let text = core::str::from_utf8(body).ok();
    let narrow = text.filter(|text| !text.is_ascii());
    let narrow = narrow.and_then(|text| {
        text.chars()
            .map(|c| u8::try_from(u32::from(c)).ok())
            .collect()
    });
    if let Some(bytes) = narrow {
        add(
            bytes,
            Cause::BodyDecoded,
            "The signature fits the bytes of the body before they were decoded as Latin-1 and encoded as UTF-8.",
        );
    }
    if text.is_none() {
        let wide: String = body.iter().copied().map(char::from).collect();
        add(
            wide.into_bytes(),
            Cause::BodyDecoded,
            "The signature fits the body as UTF-8; it was encoded as Latin-1.",
        );
    }
    if let Some(inner) = text.and_then(json::text_of_string) {
        add(
            inner.into_bytes(),
            Cause::BodyQuoted,
            "The body is a JSON string, and the signature fits the text in it.",
        );
    }
    let trimmed = text.map(str::trim).unwrap_or_default();
    if let Ok(bytes) = Base64::decode_vec(trimmed) {
        add(
            bytes,
            Cause::BodyBase64,
            "The body is base64, and the signature fits what it stands for.",
        );
    }
    add(
        Base64::encode_string(body).into_bytes(),
        Cause::BodyBase64,
        "The signature fits the body in base64, from which it was decoded.",
    );
    candidates
}

/// Form bodies that were decoded, and JSON that came in a form field.
fn forms(body: &[u8]) -> Vec<Candidate> {
    let Ok(text) = core::str::from_utf8(body) else {
        return Vec::new();
    };
    let mut candidates = Vec::new();
    let mut add = |body: String, sentence| {
        candidates.push(Candidate {
            body: body.into_bytes(),
            cause: Cause::BodyFormDecoded,
            sentence,
        });
    };
    let mut fields = form_urlencoded::Serializer::new(String::new());
    for field in text.split('&') {
        let (name, value) = field.split_once('=').unwrap_or((field, ""));
        fields.append_pair(name, value);
    }
    let encoded = fields.finish();
    add(
        encoded.replace('+', "%20"),
        "The signature fits the body before its form fields were decoded (blanks as %20).",
    );
    add(
        encoded,
        "The signature fits the body before its form fields were decoded.",
    );
    // GitHub and others can send JSON in a form field.
    let wrapped = form_urlencoded::Serializer::new(String::new())
        .append_pair("payload", text)
        .finish();
    add(
        wrapped,
        "The signature fits a form body whose field `payload` holds this JSON.",
    );
    candidates
}
