//! SendEmAll. Source: PROVIDERS.md E25 to E27, E34; R-E6 for the secret.

use super::{Answers, Encoding, Part, Scheme, SecretForm, SignatureForm};
use alloc::borrow::Cow;

pub(super) static SCHEME: Scheme = Scheme {
    name: Cow::Borrowed("sendemall"),
    signature_header: Cow::Borrowed("X-SendEmAll-Signature"),
    signature_form: SignatureForm::Prefixed("sha256="),
    encoding: Encoding::Hex,
    content: &[Part::Body],
    // Trap: secrets look like `whsec_...` here too, but the whole text is the key.
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    options: &[],
    answers: Answers {
        accepted: Some(r#"{"received":true}"#),
        refused: Some(r#"{"error":"Invalid signature"}"#),
    },
};
