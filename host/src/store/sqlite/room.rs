//! Room on the disk. What has been accepted must still be recorded when the disk fills up, so the last of the room is not for
//! new data.

use std::path::{Path, PathBuf};

/// The disk under the file.
#[derive(Debug)]
pub(super) struct Room {
    folder: PathBuf,
    /// Left for the outcomes of what has been accepted; 0: no reserve.
    reserve_bytes: u64,
}

impl Room {
    pub(super) fn new(store: &Path, reserve_bytes: u64) -> Self {
        let folder = store
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        Self {
            folder: folder.unwrap_or(Path::new(".")).to_owned(),
            reserve_bytes,
        }
    }

    /// Whether only the reserve is left. A disk that does not say counts as roomy: writing to it will tell.
    pub(super) fn is_short(&self) -> bool {
        if self.reserve_bytes == 0 {
            return false;
        }
        rustix::fs::statvfs(&self.folder)
            .is_ok_and(|disk| disk.f_bavail.saturating_mul(disk.f_frsize) < self.reserve_bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_is_short_when_less_than_the_reserve_is_free() {
        let folder = tempfile::tempdir().unwrap();
        let store = folder.path().join("a.db");
        assert!(!Room::new(&store, 0).is_short());
        assert!(!Room::new(&store, 1).is_short());
        assert!(Room::new(&store, u64::MAX).is_short());
        assert!(!Room::new(Path::new("/no/such/folder/a.db"), u64::MAX).is_short());
        assert!(Room::new(Path::new("a.db"), u64::MAX).is_short());
    }
}
