//! WorkOS. Source: its documentation, "Webhooks", validation; tolerance from its client library.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "workos",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("WorkOS-Signature")]),
    layout: Layout::labelled(", ", "v1"),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::label(
        "t",
        TimestampForm::Milliseconds,
        Some(180),
    )),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
