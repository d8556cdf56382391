//! Signing secrets: from the text a user pastes to key bytes.

use crate::base64;
use alloc::{borrow::ToOwned, string::String, vec::Vec};
use core::fmt;
use zeroize::Zeroizing;

/// How the text of a secret becomes key bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// The whole text, as UTF-8, whatever it looks like (C27, E26, P9).
    Text,
    /// Hexadecimal in either case.
    Hex,
    /// Standard base64, with or without padding.
    Base64,
    /// Standard base64 with or without padding, after an optional `whsec_`; after `whsk_` or `whpk_` an Ed25519 key, where
    /// that is built in.
    ///
    /// Source: Standard Webhooks 1.0.0, "Signature scheme".
    StandardWebhooks,
    /// A key in the form of the scheme's own algorithm: a public key, or user name and password.
    OfAlgorithm,
}

/// Key bytes. Wiped when dropped; never printed.
#[derive(Clone)]
pub struct Secret(Zeroizing<Vec<u8>>);

/// A configured secret that is empty or cannot be a key of the scheme.
///
/// The caller's mistake, found when a verifier is built, not when a request arrives: check what was pasted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecretInvalid {
    /// Place of the secret in the list that was given, from 0.
    pub index: usize,
}

/// What a Standard Webhooks secret starts with when it is written down.
pub const WHSEC_PREFIX: &str = "whsec_";

impl Secret {
    /// Reads the text of a secret. `None` when it is empty or not of the form.
    pub fn parse(text: &str, form: SecretForm) -> Option<Self> {
        let bytes = match form {
            SecretForm::Text => Zeroizing::new(text.as_bytes().to_owned()),
            SecretForm::Hex => Zeroizing::new(base16ct::mixed::decode_vec(text).ok()?),
            SecretForm::Base64 => base64::decode_either(text.as_bytes())?,
            SecretForm::StandardWebhooks => {
                let text = text.as_bytes();
                let encoded = text.strip_prefix(WHSEC_PREFIX.as_bytes()).unwrap_or(text);
                base64::decode_either(encoded)?
            }
            SecretForm::OfAlgorithm => return None,
        };
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    /// The key bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The spelling that off-the-shelf Standard Webhooks libraries take for this key: `whsec_` and base64 (R-E6).
    pub fn to_whsec(&self) -> String {
        let mut text = String::from(WHSEC_PREFIX);
        text.push_str(&base64::encode_string(&self.0));
        text
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;

    fn bytes(text: &str, form: SecretForm) -> Option<Vec<u8>> {
        Secret::parse(text, form).map(|secret| secret.as_bytes().to_vec())
    }

    #[test]
    fn text_is_taken_as_it_stands() {
        assert_eq!(
            bytes("whsec_abc", SecretForm::Text).as_deref(),
            Some(b"whsec_abc".as_slice())
        );
        assert_eq!(bytes("", SecretForm::Text), None);
    }

    #[test]
    fn base64_is_decoded_with_and_without_prefix_and_padding() {
        for text in ["whsec_AAECAw==", "whsec_AAECAw", "AAECAw==", "AAECAw"] {
            assert_eq!(
                bytes(text, SecretForm::StandardWebhooks).as_deref(),
                Some([0, 1, 2, 3].as_slice()),
                "{text}"
            );
        }
        for text in ["", "whsec_", "whsec_%", "whsec_AAECAw=", "whsec_AAECA w"] {
            assert_eq!(bytes(text, SecretForm::StandardWebhooks), None, "{text}");
        }
    }

    #[test]
    fn hexadecimal_is_decoded_in_either_case() {
        assert_eq!(bytes("00fF", SecretForm::Hex), Some(Vec::from([0, 0xff])));
        for text in ["", "0", "0g", "0x00"] {
            assert_eq!(bytes(text, SecretForm::Hex), None, "{text}");
        }
    }

    #[test]
    fn a_secret_does_not_print() {
        let secret = Secret::parse("hunter2", SecretForm::Text).map(|s| format!("{s:?}"));
        assert_eq!(secret.as_deref(), Some("Secret(..)"));
    }

    #[test]
    fn the_whsec_spelling_reads_back() {
        let secret = Secret::parse("plain text", SecretForm::Text).map(|s| s.to_whsec());
        let again = secret.and_then(|text| bytes(&text, SecretForm::StandardWebhooks));
        assert_eq!(again.as_deref(), Some(b"plain text".as_slice()));
    }
}
