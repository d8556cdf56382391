//! Knowing that nothing changed: hashes over inputs, marks of finished steps, and writes that leave equal files alone.
//!
//! Content is hashed, not modification times: a fresh checkout or a touched file must not rebuild anything.

use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use sha2::{Digest, Sha256};

/// SHA-256 as lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// One hash over files and folders below `root`: names, lengths and contents, in a fixed order. What is missing counts
/// as missing.
pub(crate) fn hash_paths(root: &Path, relative: &[&str]) -> Result<String> {
    let mut hasher = Sha256::new();
    for name in relative {
        hash_into(&mut hasher, &root.join(name), name)?;
    }
    Ok(hex(&hasher.finalize()))
}

fn hash_into(hasher: &mut Sha256, path: &Path, name: &str) -> Result<()> {
    let unreadable = || format!("{} is not readable", path.display());
    if path.is_dir() {
        let mut names = Vec::new();
        for entry in fs::read_dir(path).with_context(unreadable)? {
            names.push(
                entry
                    .with_context(unreadable)?
                    .file_name()
                    .to_string_lossy()
                    .into_owned(),
            );
        }
        names.sort();
        for child in names {
            hash_into(hasher, &path.join(&child), &format!("{name}/{child}"))?;
        }
        return Ok(());
    }
    let content = match fs::read(path) {
        Ok(content) => Some(content),
        Err(error) if error.kind() == ErrorKind::NotFound => None,
        Err(error) => return Err(error).with_context(unreadable),
    };
    hasher.update(name.as_bytes());
    hasher.update([0]);
    match content {
        Some(content) => {
            hasher.update((content.len() as u64).to_le_bytes());
            hasher.update(content);
        }
        None => hasher.update([0xff; 8]),
    }
    Ok(())
}

/// The mark of a finished step: a file that holds the hash of the inputs it ran with.
pub(crate) struct Stamp {
    path: PathBuf,
}

impl Stamp {
    pub(crate) fn new(folder: &Path, step: &str) -> Self {
        Self {
            path: folder.join(step),
        }
    }

    /// Whether the step last finished with these inputs.
    pub(crate) fn matches(&self, hash: &str) -> bool {
        fs::read_to_string(&self.path).is_ok_and(|kept| kept.trim() == hash)
    }

    pub(crate) fn set(&self, hash: &str) -> Result<()> {
        write_if_changed(&self.path, format!("{hash}\n").as_bytes())?;
        Ok(())
    }

    /// Taken back before a step starts, so that a step that fails half-way is never taken for finished.
    pub(crate) fn clear(&self) {
        fs::remove_file(&self.path).ok();
    }
}

/// Writes a file unless it holds these bytes already. Says whether it wrote.
pub(crate) fn write_if_changed(path: &Path, bytes: &[u8]) -> Result<bool> {
    if fs::read(path).is_ok_and(|old| old == bytes) {
        return Ok(false);
    }
    let unwritable = || {
        format!(
            "{} could not be written; check rights and free space",
            path.display()
        )
    };
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).with_context(unwritable)?;
    }
    fs::write(path, bytes).with_context(unwritable)?;
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().expect("a temporary folder")
    }

    #[test]
    fn sha256_is_spelled_in_hex() {
        assert_eq!(
            sha256_hex(b"abc"),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
        );
    }

    #[test]
    fn a_hash_sees_content_names_and_absence() {
        let root = folder();
        let hash = || hash_paths(root.path(), &["src", "lock"]).expect("a hash");
        let empty = hash();
        fs::create_dir_all(root.path().join("src/deep")).expect("a folder");
        fs::write(root.path().join("src/deep/a"), "1").expect("a file");
        let one = hash();
        assert_ne!(empty, one);
        assert_eq!(one, hash());
        fs::rename(
            root.path().join("src/deep/a"),
            root.path().join("src/deep/b"),
        )
        .expect("renamed");
        let renamed = hash();
        assert_ne!(one, renamed);
        fs::write(root.path().join("lock"), "").expect("a file");
        assert_ne!(renamed, hash(), "an empty file is not a missing one");
    }

    #[test]
    fn content_does_not_slide_between_neighbours() {
        let root = folder();
        fs::write(root.path().join("a"), "xb").expect("a file");
        fs::write(root.path().join("b"), "").expect("a file");
        let before = hash_paths(root.path(), &["a", "b"]).expect("a hash");
        fs::write(root.path().join("a"), "x").expect("a file");
        fs::write(root.path().join("b"), "b").expect("a file");
        assert_ne!(
            before,
            hash_paths(root.path(), &["a", "b"]).expect("a hash")
        );
    }

    #[test]
    fn a_stamp_matches_what_was_set_until_it_is_cleared() {
        let root = folder();
        let stamp = Stamp::new(root.path(), "step");
        assert!(!stamp.matches("x"));
        stamp.set("x").expect("set");
        assert!(stamp.matches("x") && !stamp.matches("y"));
        stamp.clear();
        assert!(!stamp.matches("x"));
    }

    #[test]
    fn equal_bytes_are_not_written_again() {
        let root = folder();
        let path = root.path().join("deep/file");
        assert!(write_if_changed(&path, b"1").expect("written"));
        assert!(!write_if_changed(&path, b"1").expect("left alone"));
        assert!(write_if_changed(&path, b"2").expect("written"));
    }
}
