//! Convoy, in both of its modes. Source: its documentation, "Webhook signatures"; its client libraries.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "convoy",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Convoy-Signature")]),
    layout: Layout::Bare,
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[
        OptionKey::Mode,
        OptionKey::Algorithm,
        OptionKey::Encoding,
        OptionKey::SignatureVersion,
    ],
    answers: Answers::NONE,
};

impl Scheme {
    /// The second mode: a list with a timestamp, which is joined to the body by a comma.
    pub(in crate::signature) fn make_advanced(&mut self) {
        self.layout = Layout::labelled(",", "v1");
        self.content = Cow::Borrowed(&[
            Part::Timestamp,
            Part::Literal(Cow::Borrowed(",")),
            Part::Body,
        ]);
        self.timestamp = Some(Timestamp::label("t", TimestampForm::Seconds, Some(300)));
    }
}
