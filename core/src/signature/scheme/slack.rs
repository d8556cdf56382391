//! Slack. Source: its documentation, "Verifying requests from Slack".

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "slack",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Slack-Signature")]),
    layout: Layout::Prefixed(Cow::Borrowed("v0=")),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[
        Part::Literal(Cow::Borrowed("v0:")),
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(":")),
        Part::Body,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::header(
        "X-Slack-Request-Timestamp",
        TimestampForm::Seconds,
        Some(300),
    )),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
