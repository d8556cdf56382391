//! SendEmAll. Source: docs/PROVIDERS.md E25 to E27, E34. Trap: secrets look like `whsec_...` here too, but the whole text
//! is the key (R-E6).

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "sendemall",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-SendEmAll-Signature")]),
    layout: Layout::Prefixed(Cow::Borrowed("sha256=")),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers {
        accepted: Some(r#"{"received":true}"#),
        refused: Some(r#"{"error":"Invalid signature"}"#),
    },
};
