//! Standard Webhooks 1.0.0, symmetric signatures (v1).
//!
//! Source: the specification, "Webhook headers" and "Signature scheme"; tolerance from its reference libraries.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "standard-webhooks",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("webhook-signature")]),
    layout: Layout::STANDARD_WEBHOOKS,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[
        Part::Id,
        Part::Literal(Cow::Borrowed(".")),
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ]),
    secret_form: SecretForm::StandardWebhooks,
    id_header: Some(Cow::Borrowed("webhook-id")),
    timestamp: Some(Timestamp::header(
        "webhook-timestamp",
        TimestampForm::Seconds,
        Some(300),
    )),
    fixed_headers: &[],
    alternative: None,
    options: &[OptionKey::SecretFormat],
    answers: Answers::NONE,
};
