//! Keys of any kind: what a presented signature is held against.

#[cfg(any(feature = "every-scheme", feature = "ed25519", feature = "p256"))]
use super::mac::Algorithm;
#[cfg(any(feature = "every-scheme", feature = "p256"))]
use super::mac::{SHA256_BYTES, sha256};
#[cfg(feature = "p256")]
use super::public_key::EcdsaKey;
#[cfg(feature = "ed25519")]
use super::public_key::Ed25519Key;
use super::{
    Role,
    encoding::{Encoding, Presented},
    mac::{Digest, MacKey},
    scheme::Scheme,
};
#[cfg(feature = "every-scheme")]
use crate::base64;
use crate::secret::Secret;
#[cfg(feature = "ed25519")]
use crate::secret::SecretForm;
use alloc::string::String;
#[cfg(feature = "every-scheme")]
use alloc::string::ToString;
#[cfg(feature = "ed25519")]
use alloc::vec::Vec;
#[cfg(feature = "every-scheme")]
use core::iter::once;
#[cfg(feature = "every-scheme")]
use subtle::ConstantTimeEq;
#[cfg(feature = "every-scheme")]
use zeroize::Zeroizing;

/// A key of any kind.
#[derive(Clone)]
#[allow(
    clippy::large_enum_variant,
    reason = "there are few, and the usual one is large; whether the lint fires depends on the features"
)]
pub(crate) enum Key {
    Mac(MacKey),
    #[cfg_attr(
        not(feature = "every-scheme"),
        expect(dead_code, reason = "then there are no credentials")
    )]
    Credentials(Credentials),
    #[cfg(feature = "ed25519")]
    Ed25519(Ed25519Key),
    #[cfg(feature = "p256")]
    EcdsaP256(EcdsaKey),
}

/// User name and password, as the `Authorization` header has them (RFC 7617).
#[cfg(feature = "every-scheme")]
#[derive(Clone)]
pub(crate) struct Credentials {
    encoded: Zeroizing<String>,
    /// Of `encoded`, so that not even its length shows in the time that a comparison takes.
    sha256: [u8; SHA256_BYTES],
}

/// There are none where no scheme has them.
#[cfg(not(feature = "every-scheme"))]
#[derive(Clone)]
pub(crate) enum Credentials {}

/// What one key says about one content, ready to be held against presented signatures.
pub(crate) enum Proof<'k> {
    Digest(Digest),
    Credentials(&'k Credentials),
    #[cfg(feature = "ed25519")]
    Ed25519(&'k Ed25519Key, Vec<u8>),
    #[cfg(feature = "p256")]
    EcdsaP256(&'k EcdsaKey, [u8; SHA256_BYTES]),
}

impl Key {
    /// Reads the text of a secret. `None` when it is empty or cannot be a key of the scheme.
    #[cfg_attr(
        not(feature = "ed25519"),
        expect(unused_variables, reason = "only Discord's keys have a role")
    )]
    pub(crate) fn read(text: &str, scheme: &Scheme, role: Role) -> Option<Self> {
        match scheme.algorithm {
            #[cfg(feature = "every-scheme")]
            Algorithm::Credentials => Credentials::read(text).map(Self::Credentials),
            #[cfg(feature = "ed25519")]
            Algorithm::Ed25519 => Ed25519Key::from_hex(text, role).map(Self::Ed25519),
            #[cfg(feature = "p256")]
            Algorithm::EcdsaP256 => EcdsaKey::from_text(text).map(Self::EcdsaP256),
            #[cfg(feature = "ed25519")]
            _ if scheme.secret_form == SecretForm::StandardWebhooks
                && Ed25519Key::is_standard_webhooks(text) =>
            {
                Ed25519Key::from_standard_webhooks(text).map(Self::Ed25519)
            }
            algorithm => {
                let secret = Secret::parse(text, scheme.secret_form)?;
                MacKey::new(algorithm, &secret).map(Self::Mac)
            }
        }
    }

    /// Whether signatures of this key go by the version name of asymmetric ones (Standard Webhooks, `v1a`).
    pub(crate) const fn is_asymmetric(&self) -> bool {
        match self {
            Self::Mac(_) | Self::Credentials(_) => false,
            #[cfg(feature = "ed25519")]
            Self::Ed25519(_) => true,
            #[cfg(feature = "p256")]
            Self::EcdsaP256(_) => true,
        }
    }

    /// What is expected of a signature over the content, which is given in parts.
    pub(crate) fn proof<'a>(&self, content: impl Iterator<Item = &'a [u8]>) -> Proof<'_> {
        match self {
            Self::Mac(mac) => Proof::Digest(mac.digest(content)),
            Self::Credentials(credentials) => Proof::Credentials(credentials),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(key) => Proof::Ed25519(key, joined(content)),
            #[cfg(feature = "p256")]
            Self::EcdsaP256(key) => Proof::EcdsaP256(key, sha256(content)),
        }
    }

    /// The signature over the content, written out. `None` when this key cannot sign.
    pub(crate) fn sign<'a>(
        &self,
        content: impl Iterator<Item = &'a [u8]>,
        encoding: Encoding,
    ) -> Option<String> {
        Some(match self {
            Self::Mac(mac) => encoding.write(&mac.digest(content)),
            Self::Credentials(credentials) => credentials.text(),
            #[cfg(feature = "ed25519")]
            Self::Ed25519(key) => encoding.write(&key.sign(&joined(content))?),
            #[cfg(feature = "p256")]
            Self::EcdsaP256(key) => encoding.write(&key.sign(&sha256(content))?),
        })
    }
}

#[cfg(not(feature = "every-scheme"))]
impl Credentials {
    const fn text(&self) -> String {
        match *self {}
    }

    const fn is_equal(&self, _presented: &[u8]) -> bool {
        match *self {}
    }
}

#[cfg(feature = "every-scheme")]
impl Credentials {
    /// Reads `user:password`.
    #[inline(never)]
    fn read(text: &str) -> Option<Self> {
        text.as_bytes().contains(&b':').then(|| {
            let encoded = Zeroizing::new(base64::encode_string(text.as_bytes()));
            let sha256 = sha256(once(encoded.as_bytes()));
            Self { encoded, sha256 }
        })
    }

    fn text(&self) -> String {
        self.encoded.to_string()
    }

    #[inline(never)]
    fn is_equal(&self, presented: &[u8]) -> bool {
        sha256(once(presented)).ct_eq(&self.sha256).into()
    }
}

impl Proof<'_> {
    /// Holds a presented signature against it, in constant time where a secret is involved.
    pub(crate) fn compare(&self, encoding: Encoding, presented: &[u8]) -> Presented {
        match self {
            Self::Digest(digest) => encoding.compare(presented, digest),
            Self::Credentials(credentials) => match credentials.is_equal(presented) {
                true => Presented::Equal,
                false => Presented::Different,
            },
            #[cfg(feature = "ed25519")]
            Self::Ed25519(key, message) => {
                encoding.judge(presented, |signature| key.is_signature(signature, message))
            }
            #[cfg(feature = "p256")]
            Self::EcdsaP256(key, digest) => {
                encoding.judge(presented, |signature| key.is_signature(signature, digest))
            }
        }
    }
}

#[cfg(feature = "ed25519")]
fn joined<'a>(content: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    content.fold(Vec::new(), |mut message, part| {
        message.extend_from_slice(part);
        message
    })
}
