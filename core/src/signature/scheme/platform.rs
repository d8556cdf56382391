//! The platform whose documentation names no vendor. Source: PROVIDERS.md P9, P10, R-P4.

use super::{Answers, Encoding, Part, Scheme, SecretForm, SignatureForm};
use alloc::borrow::Cow;

pub(super) static SCHEME: Scheme = Scheme {
    name: Cow::Borrowed("platform"),
    signature_header: Cow::Borrowed("X-Webhook-Signature"),
    signature_form: SignatureForm::Bare,
    encoding: Encoding::Hex,
    content: &[Part::Body],
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    options: &[],
    answers: Answers {
        // P12 documents this for the platform's own inbound route; it is the only answer its document shows.
        accepted: Some(r#"{"received":true}"#),
        refused: None,
    },
};
