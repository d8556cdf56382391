//! Atlassian: Jira, Confluence, Bitbucket. Source: its documentation of webhook secrets (WebSub).

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "atlassian",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Hub-Signature")]),
    layout: Layout::Prefixed(Cow::Borrowed("sha256=")),
    encoding: Encoding::Hex,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
