//! Discord. Source: its documentation, "Setting up an endpoint"; its client libraries. Secrets are the application's public
//! keys; a signer takes the seed.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "discord",
    carrier: Carrier::Headers,
    algorithm: Algorithm::Ed25519,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Signature-Ed25519")]),
    layout: Layout::Bare,
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Timestamp, Part::Body]),
    secret_form: SecretForm::OfAlgorithm,
    id_header: None,
    timestamp: Some(Timestamp::header(
        "X-Signature-Timestamp",
        TimestampForm::Seconds,
        None,
    )),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
