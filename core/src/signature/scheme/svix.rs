//! Svix: Standard Webhooks under its own header names, with the standard ones where the three are not all there (v1).
//!
//! Source: Svix documentation, "Verifying webhooks manually"; its client libraries.

use super::*;

pub(super) static SCHEME: Scheme = signed_by_svix("svix");

/// The declaration under the name of a sender that hands its webhooks to Svix.
pub(super) const fn signed_by_svix(name: &'static str) -> Scheme {
    Scheme {
        name,
        carrier: Carrier::Headers,
        algorithm: Algorithm::HmacSha256,
        signature_headers: Cow::Borrowed(&[Cow::Borrowed("svix-signature")]),
        layout: Layout::STANDARD_WEBHOOKS,
        encoding: Encoding::Base64,
        content: Cow::Borrowed(&[
            Part::Id,
            Part::Literal(Cow::Borrowed(".")),
            Part::Timestamp,
            Part::Literal(Cow::Borrowed(".")),
            Part::Body,
        ]),
        secret_form: SecretForm::StandardWebhooks,
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
    }
}
