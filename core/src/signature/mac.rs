//! The only place that touches `hmac` and the SHA crates.

#[cfg(feature = "hashed")]
use super::hashed::Halves;
use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
#[cfg(feature = "every-scheme")]
use sha1::Sha1;
#[cfg(any(feature = "every-scheme", feature = "hashed", feature = "p256"))]
use sha2::Digest as _;
use sha2::Sha256;
#[cfg(feature = "sha512")]
use sha2::Sha512;
#[cfg(feature = "hashed")]
use sha2::block_api::compress256;

/// Bytes of the longest signature: an ECDSA one on P-256 in DER.
pub(crate) const DIGEST_BYTES_MAX: usize = 72;
/// Bytes of a SHA-256 digest.
#[cfg(any(feature = "every-scheme", feature = "hashed", feature = "p256"))]
pub(crate) const SHA256_BYTES: usize = 32;

/// How a signature is made from a key and the signed bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-1.
    #[cfg(feature = "every-scheme")]
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    #[cfg(feature = "sha512")]
    HmacSha512,
    /// SHA-256 over the secret and then the content, which is no HMAC (HubSpot v1 and v2).
    #[cfg(feature = "every-scheme")]
    Sha256AfterSecret,
    /// User name and password as they stand; nothing is signed (HTTP Basic, RFC 7617).
    #[cfg(feature = "every-scheme")]
    Credentials,
    /// Ed25519, RFC 8032.
    #[cfg(feature = "ed25519")]
    Ed25519,
    /// ECDSA with SHA-256 on the curve P-256, FIPS 186-5; signing is deterministic (RFC 6979).
    #[cfg(feature = "p256")]
    EcdsaP256,
}

/// A key whose first blocks are already hashed, so that each message costs two blocks less.
#[derive(Clone)]
pub(crate) enum MacKey {
    #[cfg(feature = "every-scheme")]
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>, #[cfg(feature = "hashed")] Halves),
    #[cfg(feature = "sha512")]
    Sha512(Hmac<Sha512>),
    #[cfg(feature = "every-scheme")]
    Sha256AfterSecret(Sha256),
}

/// A digest, or a signature, of any of the algorithms.
pub(crate) struct Digest {
    bytes: [u8; DIGEST_BYTES_MAX],
    len: usize,
}

impl MacKey {
    /// `None` for an algorithm that is no keyed hash.
    pub(crate) fn new(algorithm: Algorithm, secret: &Secret) -> Option<Self> {
        Some(match algorithm {
            #[cfg(feature = "every-scheme")]
            Algorithm::HmacSha1 => Self::Sha1(keyed(secret)),
            Algorithm::HmacSha256 => Self::Sha256(
                keyed(secret),
                #[cfg(feature = "hashed")]
                Halves::of(secret),
            ),
            #[cfg(feature = "sha512")]
            Algorithm::HmacSha512 => Self::Sha512(keyed(secret)),
            #[cfg(feature = "every-scheme")]
            Algorithm::Sha256AfterSecret => {
                Self::Sha256AfterSecret(Sha256::new_with_prefix(secret.as_bytes()))
            }
            #[cfg(any(feature = "every-scheme", feature = "ed25519", feature = "p256"))]
            _ => return None,
        })
    }

    /// The digest over the parts, one after the other.
    pub(crate) fn digest<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Digest {
        match self {
            #[cfg(feature = "every-scheme")]
            Self::Sha1(mac) => digest(mac, parts),
            Self::Sha256(mac, ..) => digest(mac, parts),
            #[cfg(feature = "sha512")]
            Self::Sha512(mac) => digest(mac, parts),
            #[cfg(feature = "every-scheme")]
            Self::Sha256AfterSecret(hash) => Digest::of(&hashed(hash.clone(), parts)),
        }
    }
}

impl Digest {
    pub(crate) fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..self.len).unwrap_or_default()
    }

    /// The digest of these bytes, the longest prefix that fits.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let mut digest = Self {
            bytes: [0; DIGEST_BYTES_MAX],
            len: bytes.len().min(DIGEST_BYTES_MAX),
        };
        if let Some((place, bytes)) = digest
            .bytes
            .get_mut(..digest.len)
            .zip(bytes.get(..digest.len))
        {
            place.copy_from_slice(bytes);
        }
        digest
    }
}

/// SHA-256 over the parts, one after the other.
#[cfg(any(feature = "every-scheme", feature = "hashed", feature = "p256"))]
pub(crate) fn sha256<'a>(parts: impl Iterator<Item = &'a [u8]>) -> [u8; SHA256_BYTES] {
    hashed(Sha256::new(), parts)
}

/// The outer hash of an HMAC-SHA-256 that has taken in its block. What is left is one block more.
#[cfg(feature = "hashed")]
#[derive(Clone)]
pub(crate) struct OuterHash([u32; 8]);

#[cfg(feature = "hashed")]
impl OuterHash {
    /// Source: FIPS 180-4 section 5.3.3.
    const START: [u32; 8] = [
        0x6a09_e667,
        0xbb67_ae85,
        0x3c6e_f372,
        0xa54f_f53a,
        0x510e_527f,
        0x9b05_688c,
        0x1f83_d9ab,
        0x5be0_cd19,
    ];
    /// What follows the inner hash: one bit, zeros, and the length of it all in bits (FIPS 180-4 section 5.1.1), which is 768.
    const END: [u8; 32] = {
        let mut end = [0; 32];
        end[0] = 0x80;
        end[30] = 0x03;
        end
    };

    pub(crate) fn begun(block: &[u8; 64]) -> Self {
        let mut state = Self::START;
        compress256(&mut state, core::slice::from_ref(block));
        Self(state)
    }

    /// The HMAC.
    pub(crate) fn ended(&self, inner: &[u8; SHA256_BYTES]) -> [u8; SHA256_BYTES] {
        let mut block = [0; 64];
        let bytes = inner.iter().chain(&Self::END);
        block
            .iter_mut()
            .zip(bytes)
            .for_each(|(place, byte)| *place = *byte);
        let mut state = self.0;
        compress256(&mut state, core::slice::from_ref(&block));
        let mut hash = [0; SHA256_BYTES];
        let (words, _) = hash.as_chunks_mut();
        words
            .iter_mut()
            .zip(state)
            .for_each(|(place, word)| *place = word.to_be_bytes());
        hash
    }
}

#[inline(never)]
#[cfg(any(feature = "every-scheme", feature = "hashed", feature = "p256"))]
fn hashed<'a>(mut hash: Sha256, parts: impl Iterator<Item = &'a [u8]>) -> [u8; SHA256_BYTES] {
    for part in parts {
        hash.update(part);
    }
    hash.finalize().into()
}

#[inline(never)]
fn keyed<M: Mac + KeyInit>(secret: &Secret) -> M {
    // An HMAC key may have any length: this constructor's error type has no other cause.
    match <M as KeyInit>::new_from_slice(secret.as_bytes()) {
        Ok(mac) => mac,
        Err(_) => <M as KeyInit>::new(&Default::default()),
    }
}

#[inline(never)]
fn digest<'a, M: Mac + Clone>(mac: &M, parts: impl Iterator<Item = &'a [u8]>) -> Digest {
    let mut mac = mac.clone();
    for part in parts {
        mac.update(part);
    }
    Digest::of(&mac.finalize().into_bytes())
}
