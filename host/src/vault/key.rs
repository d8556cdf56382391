//! Keys of the store and their names.

use crate::chance::Chance;
use sha2::{Digest, Sha256};
use std::{fmt, path::PathBuf};
use zeroize::Zeroizing;

/// Length of a key, as XChaCha20 has it.
const KEY_BYTES: usize = 32;
/// Most keys that are taken at once: the present one, and older ones of rotations that were not finished.
const KEYS_MAX: usize = 16;

/// Name of a key: the first 8 bytes of a SHA-256 over it. It tells nothing about a key of 32 random bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl KeyId {
    /// Reads the form that is printed: 16 lower-case hex digits.
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 8];
        let read = base16ct::lower::decode(text, &mut bytes).ok()?;
        (read.len() == 8).then_some(Self(bytes))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base16ct::lower::encode_string(&self.0))
    }
}

/// A key. It does not print and is wiped when it is dropped.
#[derive(Clone)]
pub struct Key {
    id: KeyId,
    bytes: Zeroizing<[u8; KEY_BYTES]>,
}

impl Key {
    /// A new key.
    pub fn generate(chance: &dyn Chance) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        chance.fill(bytes.as_mut_slice());
        Self::from_bytes(bytes)
    }

    fn from_bytes(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        let digest: [u8; 32] = Sha256::new()
            .chain_update(b"countersign key of a store\0")
            .chain_update(bytes.as_slice())
            .finalize()
            .into();
        let [a, b, c, d, e, f, g, h, ..] = digest;
        Self {
            id: KeyId([a, b, c, d, e, f, g, h]),
            bytes,
        }
    }

    /// Keys as they are written: 64 hex digits each, with blanks, line breaks or commas between them; lines that start with
    /// `#` are comments. The first one seals.
    ///
    /// # Errors
    /// [`KeyError::Form`], [`KeyError::None`], [`KeyError::TooMany`]
    pub fn parse_all(text: &str) -> Result<Vec<Self>, KeyError> {
        let lines = text
            .lines()
            .filter(|line| !line.trim_start().starts_with('#'));
        let words = lines
            .flat_map(|line| line.split([' ', '\t', '\r', ',']))
            .filter(|word| !word.is_empty());
        let keys: Vec<_> = words
            .take(KEYS_MAX.saturating_add(1))
            .map(Self::parse)
            .collect::<Result<_, _>>()?;
        match keys.len() {
            0 => Err(KeyError::None),
            1..=KEYS_MAX => Ok(keys),
            _ => Err(KeyError::TooMany),
        }
    }

    fn parse(text: &str) -> Result<Self, KeyError> {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        let read = base16ct::mixed::decode(text, bytes.as_mut_slice());
        match read.map(<[u8]>::len) {
            Ok(KEY_BYTES) => Ok(Self::from_bytes(bytes)),
            _ => Err(KeyError::Form),
        }
    }

    /// The key as it is written.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(base16ct::lower::encode_string(self.bytes.as_slice()))
    }

    /// Its name.
    pub fn id(&self) -> KeyId {
        self.id
    }

    pub(super) fn bytes(&self) -> &[u8; KEY_BYTES] {
        &self.bytes
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.id)
    }
}

/// What is wrong with the keys of a store. The operator's to put right.
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum KeyError {
    /// No key where one was expected.
    #[error(
        "no key is given; a key is 64 hexadecimal digits, and `countersign keys new` prints one"
    )]
    None,
    /// A word that is no key. It is not printed: it may be most of one.
    #[error(
        "a key is 64 hexadecimal digits, and what is given is not; `countersign keys new` prints one"
    )]
    Form,
    /// More keys than make sense.
    #[error("more than {KEYS_MAX} keys are given; leave out those that no secret needs any more")]
    TooMany,
    /// The key file cannot be read, made or replaced.
    #[error("the key file {path} cannot be {doing}: {problem}")]
    File {
        path: PathBuf,
        doing: &'static str,
        problem: String,
    },
    /// The secrets need a key, and the file in which it was is gone.
    #[error(
        "the secrets in the store are sealed with the key {needed}, and the key file {path} is missing. Put the file back, or \
         give the key as COUNTERSIGN_STORE_KEY. Without it the secrets cannot be read by anyone; docs/OPERATIONS.md \
         says what to do if it is lost"
    )]
    Missing { path: PathBuf, needed: KeyId },
    /// Another key than the one that the secrets need.
    #[error(
        "the secrets in the store are sealed with the key {needed}, and {given} holds {held}. Give the right one; to change \
         keys, give the new key and the old one together (new,old), and run `countersign keys rotate`"
    )]
    Wrong {
        needed: KeyId,
        given: String,
        held: String,
    },
    /// The key is not this program's to change.
    #[error(
        "the key comes from the configuration, so it is changed there: set COUNTERSIGN_STORE_KEY to the new key, a comma and the \
         old one, run `countersign keys rotate` again, and then drop the old one. `countersign keys new` prints a key"
    )]
    GivenAlone,
    /// The cipher refused, which it does for gigabytes only.
    #[error("a secret could not be sealed")]
    Seal,
}
