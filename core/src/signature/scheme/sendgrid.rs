//! SendGrid's event webhook. Source: its documentation, "Event webhook security features"; its client libraries. Secrets are
//! public keys. The timestamp is any text as long as no tolerance is set.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "sendgrid",
    carrier: Carrier::Headers,
    algorithm: Algorithm::EcdsaP256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Twilio-Email-Event-Webhook-Signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[Part::Timestamp, Part::Body]),
    secret_form: SecretForm::OfAlgorithm,
    id_header: None,
    timestamp: Some(Timestamp {
        place: TimestampPlace::Header(Cow::Borrowed("X-Twilio-Email-Event-Webhook-Timestamp")),
        form: TimestampForm::Seconds,
        tolerance_s: None,
        opaque_without_tolerance: true,
    }),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
