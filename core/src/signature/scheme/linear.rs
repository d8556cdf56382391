//! Linear. Source: its documentation, "Webhooks"; its client library. The timestamp stands in the body, and only where it does
//! not in a header.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "linear",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Linear-Signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp {
        place: TimestampPlace::BodyField {
            field: "webhookTimestamp",
            header: "Linear-Timestamp",
        },
        form: TimestampForm::Milliseconds,
        tolerance_s: Some(60),
        opaque_without_tolerance: false,
    }),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
