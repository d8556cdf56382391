//! Resend signs as Svix does. Source: Resend documentation, "Verify webhooks requests"; its client library.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "resend",
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("svix-signature")]),
    layout: Layout::Versioned("v1"),
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[
        Part::Id,
        Part::Literal(Cow::Borrowed(".")),
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ]),
    secret_form: SecretForm::WhsecBase64,
    id_header: Some(Cow::Borrowed("svix-id")),
    timestamp: Some(Timestamp::header(
        "svix-timestamp",
        TimestampForm::Seconds,
        Some(300),
    )),
    fixed_headers: &[],
    alternative: Some(&super::standard_webhooks::SCHEME),
    options: &[OptionKey::SecretFormat],
    answers: Answers::NONE,
};
