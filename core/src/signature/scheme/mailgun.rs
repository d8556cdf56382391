//! Mailgun. Source: its documentation, "Securing webhooks". Timestamp, token and signature stand in an object of the body;
//! nothing else of the body is signed. The token is a message id: refuse one that was seen before.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "mailgun",
    carrier: Carrier::JsonObject("signature"),
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Timestamp, Part::Id]),
    secret_form: SecretForm::Text,
    id_header: Some(Cow::Borrowed("token")),
    timestamp: Some(Timestamp::header("timestamp", TimestampForm::Seconds, None)),
    fixed_headers: &[],
    alternative: None,
    options: &[OptionKey::BodyFormat],
    answers: Answers::NONE,
};
