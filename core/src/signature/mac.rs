//! The only place that touches `hmac` and the SHA crates.

use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::{Sha256, Sha512};

/// Bytes of the longest digest (SHA-512).
pub(crate) const DIGEST_BYTES_MAX: usize = 64;

/// A keyed hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Algorithm {
    /// HMAC with SHA-1.
    HmacSha1,
    /// HMAC with SHA-256.
    HmacSha256,
    /// HMAC with SHA-512.
    HmacSha512,
}

/// A key whose first blocks are already hashed, so that each message costs two blocks less.
#[derive(Clone)]
pub(crate) enum MacKey {
    Sha1(Hmac<Sha1>),
    Sha256(Hmac<Sha256>),
    Sha512(Hmac<Sha512>),
}

/// A digest of any of the algorithms.
pub(crate) struct Digest {
    bytes: [u8; DIGEST_BYTES_MAX],
    len: usize,
}

impl MacKey {
    pub(crate) fn new(algorithm: Algorithm, secret: &Secret) -> Self {
        match algorithm {
            Algorithm::HmacSha1 => Self::Sha1(keyed(secret)),
            Algorithm::HmacSha256 => Self::Sha256(keyed(secret)),
            Algorithm::HmacSha512 => Self::Sha512(keyed(secret)),
        }
    }

    /// The digest over the parts, one after the other.
    pub(crate) fn digest<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> Digest {
        match self {
            Self::Sha1(mac) => digest(mac, parts),
            Self::Sha256(mac) => digest(mac, parts),
            Self::Sha512(mac) => digest(mac, parts),
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

fn keyed<M: Mac + KeyInit>(secret: &Secret) -> M {
    // An HMAC key may have any length: this constructor's error type has no other cause.
    match <M as KeyInit>::new_from_slice(secret.as_bytes()) {
        Ok(mac) => mac,
        Err(_) => <M as KeyInit>::new(&Default::default()),
    }
}

fn digest<'a, M: Mac + Clone>(mac: &M, parts: impl Iterator<Item = &'a [u8]>) -> Digest {
    let mut mac = mac.clone();
    for part in parts {
        mac.update(part);
    }
    Digest::of(&mac.finalize().into_bytes())
}
