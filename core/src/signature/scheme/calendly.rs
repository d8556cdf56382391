//! Calendly. Source: its documentation, "Webhook signatures"; tolerance from the sample there.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "calendly",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Calendly-Webhook-Signature")]),
    layout: Layout::labelled(",", "v1"),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::label("t", TimestampForm::Seconds, Some(180))),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
