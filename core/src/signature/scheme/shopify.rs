//! Shopify. Source: shopify.dev, "Verify the webhook".

use super::*;

pub(super) static SCHEME: Scheme = Scheme {
    name: "shopify",
    carrier: Carrier::Headers,
    algorithm: Algorithm::HmacSha256,
    signature_headers: Cow::Borrowed(&[Cow::Borrowed("X-Shopify-Hmac-Sha256")]),
    layout: Layout::Bare,
    encoding: Encoding::Base64,
    content: Cow::Borrowed(&[Part::Body]),
    secret_form: SecretForm::Text,
    id_header: None,
    timestamp: None,
    fixed_headers: &[],
    alternative: None,
    options: &[],
    answers: Answers::NONE,
};
