//! Sanity. Source: its webhook toolkit. No tolerance is documented.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "sanity",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("sanity-webhook-signature")]),
    layout: Layout::labelled(",", "v1"),
    encoding: Encoding::Base64Url,
    content: Cow::Borrowed(&[
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::label("t", TimestampForm::Milliseconds, None)),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
