//! Box. Source: its documentation, "Verify signatures"; its client library. One match of its two headers is enough.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "box",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[
        Cow::Borrowed("BOX-SIGNATURE-PRIMARY"),
        Cow::Borrowed("BOX-SIGNATURE-SECONDARY"),
    ]),
    layout: Layout::Bare,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[Part::Body, Part::Timestamp]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::header(
        "BOX-DELIVERY-TIMESTAMP",
        TimestampForm::Rfc3339,
        Some(600),
    )),
    fixed_headers: &[
        ("BOX-SIGNATURE-ALGORITHM", "HmacSHA256"),
        ("BOX-SIGNATURE-VERSION", "1"),
    ],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
