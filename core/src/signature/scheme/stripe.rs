//! Stripe. Source: its documentation, "Verify webhook signatures manually". `v0` is its test mode; the whole text of the
//! secret is the key.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "stripe",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Stripe-Signature")]),
    layout: Layout::labelled(",", "v1"),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::label("t", TimestampForm::Seconds, Some(300))),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
