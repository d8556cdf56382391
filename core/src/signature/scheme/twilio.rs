//! Twilio. Source: its documentation, "Webhooks security"; its client libraries.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "twilio",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha1,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Twilio-Signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[
        Part::Url(UrlForms::PortsAndApostrophes),
        Part::SortedFieldsOrHashInUrl,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
