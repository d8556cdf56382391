//! CircleCI. Source: its documentation, "Outbound webhooks", signature.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "circleci",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("circleci-signature")]),
    layout: Layout::labelled(",", "v1"),
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
