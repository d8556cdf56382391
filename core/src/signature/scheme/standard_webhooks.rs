//! Standard Webhooks 1.0.0, symmetric signatures (v1).
//!
//! Source: the specification, "Webhook headers" and "Signature scheme"; tolerance from its reference libraries.

use super::{Answers, Encoding, OptionKey, Part, Scheme, SecretForm, SignatureForm, Timestamp};
use alloc::borrow::Cow;

pub(super) static SCHEME: Scheme = Scheme {
    name: Cow::Borrowed("standard-webhooks"),
    signature_header: Cow::Borrowed("webhook-signature"),
    signature_form: SignatureForm::Versioned("v1"),
    encoding: Encoding::Base64,
    content: &[
        Part::Id,
        Part::Literal("."),
        Part::Timestamp,
        Part::Literal("."),
        Part::Body,
    ],
    secret_form: SecretForm::WhsecBase64,
    id_header: Some(Cow::Borrowed("webhook-id")),
    timestamp: Some(Timestamp {
        header: Cow::Borrowed("webhook-timestamp"),
        tolerance_s: 300,
    }),
    options: &[OptionKey::SecretFormat],
    answers: Answers {
        accepted: None,
        refused: None,
    },
};
