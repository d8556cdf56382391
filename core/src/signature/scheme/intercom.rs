//! Intercom. Source: its documentation, "Signed notifications".

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "intercom",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha1,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Hub-Signature")]),
    layout: Layout::Prefixed(Cow::Borrowed("sha1=")),
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
