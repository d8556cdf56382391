//! The platform whose documentation names no vendor. Source: docs/PROVIDERS.md P9, P10, R-P4; P12 for the answer, which
//! its document shows for its own inbound route only.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "platform",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Webhook-Signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers {
        accepted: Some(r#"{"received":true}"#),
        refused: None,
    },
};
