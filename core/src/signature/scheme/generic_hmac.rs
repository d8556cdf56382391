//! Any sender that signs with an HMAC, or with a public key: everything comes from the options.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "generic-hmac",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[]),
    layout: Layout::Bare,
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[
        OptionKey::Header,
        OptionKey::Algorithm,
        OptionKey::Encoding,
        OptionKey::Prefix,
        OptionKey::Separator,
        OptionKey::Template,
        OptionKey::TimestampHeader,
        OptionKey::TimestampUnit,
        OptionKey::IdHeader,
        OptionKey::SecretFormat,
    ],
    answers: Answers::NONE,
};
