//! HubSpot, in its three versions. Source: its documentation, "Validating requests"; its client libraries.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "hubspot",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-HubSpot-Signature-v3")]),
    layout: Layout::Bare,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[
        Part::Method,
        Part::Url(UrlForms::EscapesDecoded),
        Part::Body,
        Part::Timestamp,
    ]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: Some(Timestamp::header(
        "X-HubSpot-Request-Timestamp",
        TimestampForm::Milliseconds,
        Some(300),
    )),
    fixed_headers: &[],
    alternative: None,
    options: &[OptionKey::Version],
    answers: Answers::NONE,
};

impl Scheme {
    /// The first two versions: a plain digest with the secret in front, and no timestamp. `None` for other names.
    pub(in crate::signature) fn make_version(&mut self, version: &str) -> Option<()> {
        let (content, fixed_headers): (&'static [Part], _) = match version {
            "v3" => return Some(()),
            "v2" => (
                &[Part::Method, Part::Url(UrlForms::AsCalled), Part::Body],
                &[("X-HubSpot-Signature-Version", "v2")],
            ),
            "v1" => (&[Part::Body], &[("X-HubSpot-Signature-Version", "v1")]),
            _ => return None,
        };
        self.algorithm = Algorithm::Sha256AfterSecret;
        self.signature_headers = Cow::Borrowed(&[Cow::Borrowed("X-HubSpot-Signature")]);
        self.encoding = Encoding::Hex;
        self.content = Cow::Borrowed(content);
        self.timestamp = None;
        self.fixed_headers = fixed_headers;
        Some(())
    }
}
