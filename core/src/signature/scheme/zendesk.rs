//! Zendesk. Source: its documentation, "Verifying webhooks". No tolerance is documented; the secret looks like base64 and is
//! text.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "zendesk",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Zendesk-Webhook-Signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[Part::Timestamp, Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp {
        place: TimestampPlace::Header(Cow::Borrowed("X-Zendesk-Webhook-Signature-Timestamp")),
        form: TimestampForm::Rfc3339,
        tolerance_s: None,
        opaque_without_tolerance: true,
    }),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
