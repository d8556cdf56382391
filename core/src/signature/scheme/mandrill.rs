//! Mandrill. Source: Mailchimp's documentation, "Authenticating webhook requests".

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "mandrill",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha1,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Mandrill-Signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[Part::Url(UrlForms::AsCalled), Part::SortedFields]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
