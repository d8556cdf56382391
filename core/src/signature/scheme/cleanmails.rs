//! Cleanmails. Source: PROVIDERS.md C26 to C29.

use super::{Answers, Encoding, Part, Scheme, SecretForm, SignatureForm};
use alloc::borrow::Cow;

pub(super) static SCHEME: Scheme = Scheme {
    name: Cow::Borrowed("cleanmails"),
    signature_header: Cow::Borrowed("X-Webhook-Signature"),
    signature_form: SignatureForm::Prefixed("sha256="),
    encoding: Encoding::Hex,
    content: &[Part::Body],
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    options: &[],
    answers: Answers {
        accepted: None,
        refused: None,
    },
};
