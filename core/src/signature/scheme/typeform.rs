//! Typeform. Source: its documentation, "Secure your webhooks".

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "typeform",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Typeform-Signature")]),
    layout: Layout::Prefixed(Cow::Borrowed("sha256=")),
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
