//! The only place that touches `hmac` and `sha2`.

use crate::secret::Secret;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

/// Bytes of an HMAC-SHA256 digest.
pub(crate) const DIGEST_BYTES: usize = 32;

/// An HMAC-SHA256 key whose two first blocks are already hashed, so that each message costs two blocks less.
#[derive(Clone)]
pub(crate) struct MacKey(Hmac<Sha256>);

impl MacKey {
    pub(crate) fn new(secret: &Secret) -> Self {
        // An HMAC key may have any length: this constructor's error type has no other cause.
        match Hmac::new_from_slice(secret.as_bytes()) {
            Ok(mac) => Self(mac),
            Err(_) => Self(Hmac::new(&Default::default())),
        }
    }

    /// The digest over the parts, one after the other.
    pub(crate) fn digest<'a>(&self, parts: impl Iterator<Item = &'a [u8]>) -> [u8; DIGEST_BYTES] {
        let mut mac = self.0.clone();
        for part in parts {
            mac.update(part);
        }
        mac.finalize().into_bytes().into()
    }
}
