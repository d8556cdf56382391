//! Meta. Source: its documentation, "Webhooks, getting started". It signs characters outside ASCII in their escaped form, which
//! some frameworks resolve before anyone sees the body: there, `escape_unicode` helps.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "meta",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Hub-Signature-256")]),
    layout: Layout::Prefixed(Cow::Borrowed("sha256=")),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[
        #[cfg(feature = "every-scheme")]
        OptionKey::EscapeUnicode,
    ],
    answers: Answers::NONE,
};
