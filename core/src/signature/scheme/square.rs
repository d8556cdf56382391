//! Square. Source: its documentation, "Validate webhook notifications". The url is the one configured there.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "square",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("x-square-hmacsha256-signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[Part::Url(UrlForms::AsCalled), Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
