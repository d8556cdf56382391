//! Buildkite. Source: its documentation, "Webhook signature". No tolerance is documented.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "buildkite",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Buildkite-Signature")]),
    layout: Layout::labelled(",", "signature"),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::label("timestamp", TimestampForm::Seconds, None)),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
