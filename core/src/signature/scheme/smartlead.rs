//! SmartLead. Source: PROVIDERS.md S27, S45; R-S1 for the header name, which is not documented.

use super::{Answers, Encoding, OptionKey, Part, Scheme, SecretForm, SignatureForm};
use alloc::borrow::Cow;

pub(super) static SCHEME: Scheme = Scheme {
    name: Cow::Borrowed("smartlead"),
    signature_header: Cow::Borrowed("X-Smartlead-Signature"),
    signature_form: SignatureForm::PrefixTolerated("sha256="),
    encoding: Encoding::Hex,
    content: &[Part::Body],
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    options: &[OptionKey::Header],
    answers: Answers {
        accepted: Some(r#"{"status":"received"}"#),
        refused: None,
    },
};
