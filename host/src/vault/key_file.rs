//! Where keys come from: the configuration, or a file that is made at the first start.

use super::{Key, KeyError, KeyId};
use crate::chance::Chance;
use std::{
    fs::{DirBuilder, File, OpenOptions},
    io::{ErrorKind, Read, Write},
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt},
    path::{Path, PathBuf},
};
use zeroize::Zeroizing;

/// Longest key file that is read.
const FILE_BYTES_MAX: u64 = 64 * 1024;

const HEAD: &str = "\
# Key of the signing secrets in the store of Countersign. Whoever has this file and the store has the secrets; whoever
# loses it has lost them. The first key seals; older ones are here only while `countersign keys rotate` is under way.
";

/// Where the keys of a store come from.
#[derive(Clone)]
pub enum KeySource {
    /// The configuration (`store.key`).
    Given(Zeroizing<String>),
    /// A file, made when it is missing and no secret needs it.
    File(PathBuf),
}

impl KeySource {
    /// The keys. `needed` are those that secrets of the store are sealed with.
    ///
    /// # Errors
    /// [`KeyError`]: among others when a needed one is missing.
    pub fn keys<'a>(
        &self,
        needed: impl IntoIterator<Item = &'a KeyId>,
        chance: &dyn Chance,
    ) -> Result<Vec<Key>, KeyError> {
        let mut needed = needed.into_iter().peekable();
        let keys = match self {
            Self::Given(text) => Key::parse_all(text)?,
            Self::File(path) => {
                let file = KeyFile::new(path.clone());
                match (file.read()?, needed.peek()) {
                    (Some(keys), _) => keys,
                    (None, Some(needed)) => {
                        return Err(KeyError::Missing {
                            path: path.clone(),
                            needed: **needed,
                        });
                    }
                    (None, None) => {
                        let keys = vec![Key::generate(chance)];
                        file.write(&keys)?;
                        keys
                    }
                }
            }
        };
        let missing = needed.find(|needed| keys.iter().all(|key| key.id() != **needed));
        match missing {
            None => Ok(keys),
            Some(needed) => {
                let held: Vec<_> = keys.iter().map(|key| key.id().to_string()).collect();
                Err(KeyError::Wrong {
                    needed: *needed,
                    given: self.to_string(),
                    held: held.join(", "),
                })
            }
        }
    }
}

impl std::fmt::Display for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Given(_) => f.write_str("the setting store.key (COUNTERSIGN_STORE_KEY)"),
            Self::File(path) => write!(f, "the key file {}", path.display()),
        }
    }
}

impl std::fmt::Debug for KeySource {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        std::fmt::Display::fmt(self, f)
    }
}

/// A file with keys, newest first.
#[derive(Debug, Clone)]
pub struct KeyFile(PathBuf);

impl KeyFile {
    /// The file at this path, which need not be there.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Its keys; `None` when there is no such file.
    ///
    /// # Errors
    /// [`KeyError`]
    pub fn read(&self) -> Result<Option<Vec<Key>>, KeyError> {
        let failed = |error: std::io::Error| self.failed("read", &error);
        let file = match File::open(&self.0) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(failed(error)),
        };
        let mode = file.metadata().map_err(failed)?.permissions().mode();
        if mode & 0o077 != 0 {
            let path = self.0.display();
            tracing::warn!(%path, "the key file can be read by other users of this machine; `chmod 600` it");
        }
        let mut text = Zeroizing::new(String::new());
        let read = file.take(FILE_BYTES_MAX).read_to_string(&mut text);
        read.map_err(failed)?;
        Key::parse_all(&text).map(Some)
    }

    /// Replaces it as a whole; it holds the old keys or the new ones, whatever happens. On the disk when this returns.
    ///
    /// # Errors
    /// [`KeyError::File`]
    pub fn write(&self, keys: &[Key]) -> Result<(), KeyError> {
        let mut text = Zeroizing::new(HEAD.to_owned());
        for key in keys {
            text.push_str(&key.to_text());
            text.push('\n');
        }
        self.replace(text.as_bytes())
            .map_err(|error| self.failed("written", &error))
    }

    fn replace(&self, bytes: &[u8]) -> std::io::Result<()> {
        let folder = match self.0.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            _ => Path::new("."),
        };
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)?;
        let mut beside = self.0.clone().into_os_string();
        beside.push(".new");
        // One that is left of an earlier try.
        match std::fs::remove_file(&beside) {
            Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut options = OpenOptions::new();
        let mut file = options
            .create_new(true)
            .write(true)
            .mode(0o600)
            .open(&beside)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        std::fs::rename(&beside, &self.0)?;
        File::open(folder)?.sync_all()
    }

    fn failed(&self, doing: &'static str, error: &std::io::Error) -> KeyError {
        KeyError::File {
            path: self.0.clone(),
            doing,
            problem: error.to_string(),
        }
    }
}
