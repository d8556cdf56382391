//! PagerDuty. Source: its documentation, "Verifying webhook signatures".

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "pagerduty",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-PagerDuty-Signature")]),
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
