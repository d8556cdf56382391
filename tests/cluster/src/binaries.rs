//! Where PostgreSQL is, and as whom it runs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Folders of Debian's packages, one a version.
const PACKAGES: &str = "/usr/lib/postgresql";
/// The oldest version that the host works with.
const OLDEST: u32 = 14;

/// The folder that holds `initdb` and `postgres`; the newest version's.
pub(crate) fn folder() -> Option<PathBuf> {
    let mut packages: Vec<(u32, PathBuf)> = std::fs::read_dir(PACKAGES)
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .filter(|(version, _)| *version >= OLDEST)
        .collect();
    packages.sort();
    let packages = packages.into_iter().rev().map(|(_, folder)| folder);
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    packages.chain(pg_config()).chain(on_path).find(|folder| {
        let is_there = |name: &str| folder.join(name).is_file();
        is_there("initdb") && is_there("postgres") && is_new_enough(folder)
    })
}

fn pg_config() -> Option<PathBuf> {
    let output = Command::new("pg_config").arg("--bindir").output().ok()?;
    Some(PathBuf::from(String::from_utf8(output.stdout).ok()?.trim()))
}

/// Whether `postgres --version` ("postgres (PostgreSQL) 15.4 …") is one that the host works with.
fn is_new_enough(folder: &Path) -> bool {
    let output = Command::new(folder.join("postgres"))
        .arg("--version")
        .output();
    let text = output.map(|output| String::from_utf8_lossy(&output.stdout).into_owned());
    let version = text.unwrap_or_default();
    let digits = version.split(|letter: char| !letter.is_ascii_digit());
    let major = digits
        .filter(|part| !part.is_empty())
        .find_map(|part| part.parse().ok());
    major.is_some_and(|major: u32| major >= OLDEST)
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
    fn a_user_is_found_by_its_name() {
        let users = "root:x:0:0:root:/root:/bin/sh\npostgres:x:101:104:a,b:/var:/bin/sh\nbroken\n";
        let postgres = Account { uid: 101, gid: 104 };
        assert_eq!(named(users, "postgres"), Some(postgres));
        assert_eq!(named(users, "broken"), None);
        assert_eq!(named(users, "nobody"), None);
    }
}
