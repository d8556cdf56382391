//! Hook0. Source: the tests of its client libraries. Version 1 covers the headers that the signature lists; version 0, which
//! counts where there is no other, covers none but wants them to be there.

use super::*;

pub(super) static SCHEME: Scheme = version(
    "v1",
    &[
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::ListedNames,
        Part::Literal(Cow::Borrowed(".")),
        Part::ListedValues,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ],
    Some(&VERSION_0),
);

static VERSION_0: Scheme = version(
    "v0",
    &[
        Part::Timestamp,
        Part::Literal(Cow::Borrowed(".")),
        Part::Body,
    ],
    None,
);

const fn version(
    label: &'static str,
    content: &'static [Part],
    alternative: Option<&'static Scheme>,
) -> Scheme {
    Scheme {
        name: "hook0",
        carrier: Carrier::Headers,
        algorithm: Algorithm::HmacSha256,
        signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Hook0-Signature")]),
        layout: Layout::Labelled {
            separator: ",",
            label: Cow::Borrowed(label),
            header_list: Some("h"),
        },
        encoding: Encoding::Hex,
        content: Cow::Borrowed(content),
        secret_form: SecretForm::Text,
        id_header: None,
        timestamp: Some(Timestamp::label("t", TimestampForm::Seconds, Some(300))),
        fixed_headers: &[],
        alternative,
        options: &[],
        answers: Answers::NONE,
    }
}
