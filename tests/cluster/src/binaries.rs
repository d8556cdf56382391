//! Where PostgreSQL is, and as whom it runs.

use anyhow::Context;
use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Names the folder with `initdb` and `postgres` to use in place of what the machine has.
const FOLDER_VARIABLE: &str = "COUNTERSIGN_TEST_POSTGRES_BIN";
/// Folders of Debian's packages, one a version.
const PACKAGES: &str = "/usr/lib/postgresql";
/// The oldest version that the host works with.
const OLDEST: u32 = 14;

/// `initdb` and `postgres`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(crate) folder: PathBuf,
    /// The major one.
    pub(crate) version: u32,
}

/// Those that are asked for, else those of the newest version that the machine has. `None` when it has none.
pub(crate) fn find() -> anyhow::Result<Option<Binaries>> {
    if let Some(folder) = std::env::var_os(FOLDER_VARIABLE) {
        let found = at(Path::new(&folder));
        return Ok(Some(found.with_context(|| {
            format!(
                "{FOLDER_VARIABLE} is {}, where there are no initdb and postgres of version {OLDEST} or newer that start",
                folder.display()
            )
        })?));
    }
    let mut packages: Vec<(u32, PathBuf)> = std::fs::read_dir(PACKAGES)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    packages.sort();
    let packages = packages.into_iter().rev().map(|(_, folder)| folder);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let mut all = packages.chain(pg_config()).chain(on_path);
    Ok(all.find_map(|folder| at(&folder)))
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// What is in a folder, if the host works with it.
fn at(folder: &Path) -> Option<Binaries> {
    let is_there = |name: &str| folder.join(name).is_file();
    if !(is_there("initdb") && is_there("postgres")) {
        return None;
    }
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output();
    let version = major(&String::from_utf8_lossy(&output.ok()?.stdout))?;
    (version >= OLDEST).then(|| Binaries {
        folder: folder.to_owned(),
        version,
    })
}

/// Of what `postgres --version` prints ("postgres (PostgreSQL) 15.4 …").
fn major(text: &str) -> Option<u32> {
    let digits = text.split(|letter: char| !letter.is_ascii_digit());
    let mut numbers = digits.filter(|part| !part.is_empty());
    numbers.next()?.parse().ok()
}

/// A user and group of the operating system.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
}

/// As whom a server runs when we are root, as which PostgreSQL refuses to: `postgres`, else `nobody`. `None`: as ourselves.
pub(crate) fn account(own_uid: u32) -> Option<Account> {
    if own_uid != 0 {
        return None;
    }
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    ["postgres", "nobody"]
        .iter()
        .find_map(|name| named(&users, name))
}

fn named(users: &str, name: &str) -> Option<Account> {
    users.lines().find_map(|line| {
        let mut fields = line.split(':');
        if fields.next() != Some(name) {
            return None;
        }
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        Some(Account { uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read() {
        let debian = "postgres (PostgreSQL) 15.18 (Debian 15.18-0+deb12u1)\n";
        assert_eq!(major(debian), Some(15));
        assert_eq!(major("postgres (PostgreSQL) 18beta1\n"), Some(18));
        assert_eq!(major(""), None);
    }

    #[test]
    fn a_user_is_found_by_its_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:a,b:/var:/bin/sh\nbroken\n";
        let postgres = Account { uid: 101, gid: 104 };
        assert_eq!(named(users, "postgres"), Some(postgres));
        assert_eq!(named(users, "broken"), None);
        assert_eq!(named(users, "nobody"), None);
    }
}
