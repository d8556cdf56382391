//! Zoom. Source: its documentation, "Verify with Zoom's header". No tolerance is documented.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "zoom",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("x-zm-signature")]),
    layout: Layout::Prefixed(Cow::Borrowed("v0=")),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[
        Part::Literal(Cow::Borrowed("v0:")),
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(":")),
        Part::Body,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::header(
        "x-zm-request-timestamp",
        TimestampForm::Seconds,
        None,
    )),
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
