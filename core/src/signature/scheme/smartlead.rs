//! SmartLead. Source: docs/PROVIDERS.md S27, S45; R-S1 for the header name, which is not documented.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "smartlead",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Smartlead-Signature")]),
    layout: Layout::PrefixTolerated("sha256="),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[OptionKey::Header],
    answers: Answers {
        accepted: Some(r#"{"status":"received"}"#),
        refused: None,
    },
};
