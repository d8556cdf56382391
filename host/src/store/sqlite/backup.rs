//! A copy of the file while a host uses it.

use super::{check, schema, writer::failed};
use crate::store::StoreError;
use rusqlite::{
    Connection,
    backup::{Backup, StepResult},
};
use std::{
    fs::{self, File, OpenOptions},
    io,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

/// Pages that are copied between two reports: 4 MiB.
const STEP_PAGES: std::ffi::c_int = 1024;

/// Why there is no copy. What had been written of it is gone.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BackupError {
    /// Something is there already. The operator's mistake.
    #[error("{path} exists and is not overwritten. Give another name, or remove it first")]
    Exists {
        /// The name that was asked for.
        path: PathBuf,
    },
    /// The copy cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// Where to.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// The copy was checked and is not sound; then neither is the original, or its disk.
    #[error("the copy is damaged: {finding}. Run `countersign check` on the original")]
    Damaged {
        /// The first finding.
        finding: String,
    },
    /// The original cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Copies the file as it is at one moment, checks the copy, and gives it its name only then. Writers are not held up; what
/// they write meanwhile stays in the write-ahead log until the copy is done. Returns the length of the copy in bytes.
///
/// # Errors
/// [`BackupError`]
pub fn backup(
    store: &Path,
    to: &Path,
    mut progress: impl FnMut(u64, u64),
) -> Result<u64, BackupError> {
    let write = |path: &Path, source: io::Error| BackupError::Write {
        path: path.to_owned(),
        source,
    };
    if fs::symlink_metadata(to).is_ok() {
        return Err(BackupError::Exists {
            path: to.to_owned(),
        });
    }
    let partial = Partial::new(to).map_err(|error| write(to, error))?;
    let copying = |error: rusqlite::Error| match error.sqlite_error_code() {
        Some(rusqlite::ErrorCode::DiskFull) => write(to, io::ErrorKind::StorageFull.into()),
        _ => BackupError::Store(failed("copying the file", &error)),
    };
    let source = schema::open_visitor(store)?;
    // One moment: without it the copy would begin again with each commit of the host.
    source
        .execute_batch("BEGIN; SELECT count(*) FROM sqlite_schema")
        .map_err(copying)?;
    let mut copy = Connection::open(&partial.path).map_err(copying)?;
    {
        let backup = Backup::new(&source, &mut copy).map_err(copying)?;
        loop {
            let step = backup.step(STEP_PAGES).map_err(copying)?;
            let seen = backup.progress();
            let total = u64::try_from(seen.pagecount).unwrap_or(0);
            let left = u64::try_from(seen.remaining).unwrap_or(0);
            progress(total.saturating_sub(left), total);
            match step {
                StepResult::Done => break,
                StepResult::More => {}
                // The moment is held already, so nobody can be in the way.
                _ => return Err(StoreError::Locked.into()),
            }
        }
    }
    drop(source);
    // One file, without a log beside it.
    copy.pragma_update(None, "journal_mode", "delete")
        .map_err(copying)?;
    let findings = check::ask(&copy, "integrity_check").map_err(copying)?;
    if let Some(finding) = findings.into_iter().next() {
        return Err(BackupError::Damaged { finding });
    }
    copy.close().map_err(|(_, error)| copying(error))?;
    partial.keep(to).map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => BackupError::Exists {
            path: to.to_owned(),
        },
        _ => write(to, error),
    })
}

/// A file that is not whole yet; removed when dropped.
struct Partial {
    path: PathBuf,
}

impl Partial {
    /// Beside its final place, and readable by its owner only: the data holds signing secrets.
    fn new(to: &Path) -> io::Result<Self> {
        let mut path = to.as_os_str().to_owned();
        path.push(format!(".partial-{}", std::process::id()));
        let path = PathBuf::from(path);
        let mut options = OpenOptions::new();
        options
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)?;
        Ok(Self { path })
    }

    /// Gives it its name, which nobody else has taken meanwhile. Returns its length.
    fn keep(self, to: &Path) -> io::Result<u64> {
        let file = File::open(&self.path)?;
        file.sync_all()?;
        fs::hard_link(&self.path, to)?;
        let folder = to.parent().filter(|folder| !folder.as_os_str().is_empty());
        File::open(folder.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok(file.metadata()?.len())
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // Also the log that a copy that was given up leaves.
        for ending in ["", "-journal", "-wal", "-shm"] {
            let mut path = self.path.as_os_str().to_owned();
            path.push(ending);
            let _ = fs::remove_file(path);
        }
    }
}
