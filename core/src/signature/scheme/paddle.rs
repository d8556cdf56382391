//! Paddle Billing. Source: its documentation, "Signature verification".

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "paddle",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Paddle-Signature")]),
    layout: Layout::labelled(";", "h1"),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(":")),
        Part::Body,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::label("ts", TimestampForm::Seconds, Some(5))),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
