//! Postmark. Source: its documentation, "Webhooks overview". It signs nothing: user name and password of the endpoint's address
//! are all there is. A secret is `user:password`.

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "postmark",
    carrier: Carrier::Headers,
    algorithm: Algorithm::Credentials,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("Authorization")]),
    layout: Layout::AuthScheme("Basic"),
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[]),
    secret_form: SecretForm::OfAlgorithm,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
