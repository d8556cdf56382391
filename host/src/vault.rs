//! Secrets at rest: sealed before they reach the store, opened when they come back.
//!
//! XChaCha20-Poly1305 with a key of 32 random bytes and a random nonce of 24 bytes a secret. What is authenticated beside it
//! is where it belongs, so that a sealed secret that is copied to another row does not open there.
//!
//! What this protects from: somebody who sees the database, a copy of it, or a backup. What it does not protect from:
//! somebody who has the key as well, such as whoever can read the files of the running program.

mod key;
mod key_file;

pub use self::{
    key::{Key, KeyError, KeyId},
    key_file::{KeyFile, KeySource},
};

use crate::{chance::Chance, store::SecretText};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use std::{collections::BTreeSet, sync::Arc};
use zeroize::Zeroize;

/// What every sealed secret of this form starts with.
const FORM: &str = "x1";
/// XChaCha20: long enough to be drawn at random for every secret there will ever be.
const NONCE_BYTES: usize = 24;

/// Where a secret belongs.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    /// Kind of the secret, such as `endpoint_secrets.sealed`.
    pub field: &'a str,
    /// Id of what it belongs to.
    pub owner: &'a str,
}

/// Why a sealed secret does not open.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// It is not of the form that this program writes.
    #[error("a secret in the store is not of the known form")]
    Form,
    /// It is sealed with a key that is not there.
    #[error("a secret in the store is sealed with the key {0}, which is not given")]
    OtherKey(KeyId),
    /// It was changed, or copied from elsewhere.
    #[error("a secret in the store does not open: it was changed, or belongs to another endpoint")]
    Changed,
}

/// The keys of one store. The first one seals, all of them open.
pub struct Vault {
    keys: Vec<Key>,
    chance: Arc<dyn Chance>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list()
            .entries(self.keys.iter().map(Key::id))
            .finish()
    }
}

impl Vault {
    /// A vault with these keys.
    ///
    /// # Errors
    /// [`KeyError::None`]
    pub fn new(keys: Vec<Key>, chance: Arc<dyn Chance>) -> Result<Self, KeyError> {
        match keys.is_empty() {
            true => Err(KeyError::None),
            false => Ok(Self { keys, chance }),
        }
    }

    /// The key that seals.
    pub fn key_id(&self) -> Option<KeyId> {
        self.keys.first().map(Key::id)
    }

    /// The keys that open.
    pub fn key_ids(&self) -> BTreeSet<KeyId> {
        self.keys.iter().map(Key::id).collect()
    }

    /// Seals a secret: `x1:<key id>:<nonce and ciphertext>`, in lower-case hex.
    ///
    /// # Errors
    /// [`KeyError`], which no input causes.
    pub fn seal(&self, place: Place<'_>, secret: &SecretText) -> Result<String, KeyError> {
        let key = self.keys.first().ok_or(KeyError::None)?;
        let mut nonce = [0; NONCE_BYTES];
        self.chance.fill(&mut nonce);
        let payload = Payload {
            msg: secret.as_str().as_bytes(),
            aad: &bound_to(key.id(), place),
        };
        let sealed = cipher(key)
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_| KeyError::Seal)?;
        let hex = base16ct::lower::encode_string(&[nonce.as_slice(), &sealed].concat());
        Ok(format!("{FORM}:{}:{hex}", key.id()))
    }

    /// Opens a sealed secret.
    ///
    /// # Errors
    /// [`OpenError`]
    pub fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretText, OpenError> {
        let (id, hex) = read(sealed).ok_or(OpenError::Form)?;
        let key = self.keys.iter().find(|key| key.id() == id);
        let key = key.ok_or(OpenError::OtherKey(id))?;
        let bytes = base16ct::lower::decode_vec(hex).map_err(|_| OpenError::Form)?;
        let (nonce, sealed) = bytes
            .split_first_chunk::<NONCE_BYTES>()
            .ok_or(OpenError::Form)?;
        let payload = Payload {
            msg: sealed,
            aad: &bound_to(id, place),
        };
        let opened = cipher(key)
            .decrypt(&XNonce::from(*nonce), payload)
            .map_err(|_| OpenError::Changed)?;
        String::from_utf8(opened)
            .map(SecretText::new)
            .map_err(|error| {
                error.into_bytes().zeroize();
                OpenError::Form
            })
    }
}

/// The key that a sealed secret needs; `None` when it is not of the form that this program writes.
pub fn key_of(sealed: &str) -> Option<KeyId> {
    read(sealed).map(|(id, _)| id)
}

fn read(sealed: &str) -> Option<(KeyId, &str)> {
    let rest = sealed.strip_prefix(FORM)?.strip_prefix(':')?;
    let (id, hex) = rest.split_once(':')?;
    Some((KeyId::parse(id)?, hex))
}

fn cipher(key: &Key) -> XChaCha20Poly1305 {
    XChaCha20Poly1305::new(key.bytes().into())
}

/// Form, key, field and owner, each with its length before it, so that no two places read alike.
fn bound_to(key: KeyId, place: Place<'_>) -> Vec<u8> {
    let id = key.to_string();
    let parts = [FORM, &id, place.field, place.owner];
    let parts = parts.iter().flat_map(|part| {
        let length = part.len() as u64;
        length.to_le_bytes().into_iter().chain(part.bytes())
    });
    parts.collect()
}

#[cfg(test)]
mod tests;
