//! GoCardless. Source: its documentation, "Webhooks", signature.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "gocardless",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Webhook-Signature")]),
    layout: Layout::Bare,
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
