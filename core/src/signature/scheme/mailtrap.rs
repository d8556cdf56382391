//! Mailtrap. Source: its documentation, "Webhooks", signature verification. The secret looks like hexadecimal and is text.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "mailtrap",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Mailtrap-Signature")]),
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
