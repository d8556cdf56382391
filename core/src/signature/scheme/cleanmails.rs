//! Cleanmails. Source: docs/PROVIDERS.md C26 to C29.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "cleanmails",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Webhook-Signature")]),
    layout: Layout::Prefixed(Cow::Borrowed("sha256=")),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
