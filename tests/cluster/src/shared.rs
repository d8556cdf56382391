//! The cluster that all tests of a run share: started by the first, found by the others, ended when nobody is left.

use crate::{
    binaries::{self, Binaries},
    server::{Disk, Server, own, own_uid, url},
    watchdog,
};
use anyhow::Context;
use std::{
    fs::{File, OpenOptions},
    path::{Path, PathBuf},
    process::Command,
    sync::{Mutex, PoisonError},
    time::{SystemTime, UNIX_EPOCH},
};

/// Seconds without a test after which it is ended: longer than it takes to compile the next binary of a run.
const IDLE_S: u32 = 60;

/// The port of the cluster of this process, once it has been found.
static PORT: Mutex<Option<u16>> = Mutex::new(None);

/// The address of a database of the shared cluster, which is started when it does not run. `None` when this machine has no
/// PostgreSQL.
pub(crate) fn address(database: &str) -> anyhow::Result<Option<String>> {
    let mut known = PORT.lock().unwrap_or_else(PoisonError::into_inner);
    if known.is_none() {
        *known = find_or_start()?;
    }
    Ok(known.map(|port| url(port, database)))
}

/// The port of the running cluster, of which we are a user from now on.
fn find_or_start() -> anyhow::Result<Option<u16>> {
    let Some(Binaries {
        folder: binaries,
        version,
    }) = binaries::find()?
    else {
        return Ok(None);
    };
    let uid = own_uid()?;
    let account = binaries::account(uid);
    let home = std::env::temp_dir().join(format!("countersign-postgres-{version}-of-{uid}"));
    own(&home, account)?;
    let lock = lock(&home)?;
    let pointer = home.join("current");
    if let Some(port) = join(&pointer) {
        return Ok(Some(port));
    }
    sweep(&home)?;
    let moment = SystemTime::now().duration_since(UNIX_EPOCH)?.as_nanos();
    let folder = home.join(format!("{}-{moment}", std::process::id()));
    let server = Server::init(folder, binaries, account, Disk::Spared)?;
    register(&server.folder)?;
    let dog = watchdog::start(&server.folder, IDLE_S, account, Some(&server.command()))?;
    server.wait(|| watchdog::lives(dog))?;
    std::fs::write(server.folder.join("ready"), server.port.to_string())?;
    std::fs::write(pointer, server.folder.as_os_str().as_encoded_bytes())?;
    drop(lock);
    Ok(Some(server.port))
}

/// One process at a time decides whether there is a cluster.
fn lock(home: &Path) -> anyhow::Result<File> {
    let path = home.join("lock");
    let mut options = OpenOptions::new();
    let file = options.create(true).truncate(false).write(true).open(&path);
    let file = file.with_context(|| path.display().to_string())?;
    file.lock()?;
    Ok(file)
}

/// The port of the cluster that is pointed to, if it still runs. Who has registered and then finds the mark is not left alone.
fn join(pointer: &Path) -> Option<u16> {
    let folder = PathBuf::from(std::fs::read_to_string(pointer).ok()?);
    register(&folder).ok()?;
    let port = std::fs::read_to_string(folder.join("ready"))
        .ok()?
        .parse()
        .ok()?;
    crate::database::ask(&url(port, "postgres"), "SELECT 1").ok()?;
    Some(port)
}

fn register(folder: &Path) -> anyhow::Result<()> {
    Ok(std::fs::write(
        folder.join("users").join(std::process::id().to_string()),
        "",
    )?)
}

/// Removes clusters whose watchdog was killed and that nobody uses. Those that are about to end do that themselves.
fn sweep(home: &Path) -> anyhow::Result<()> {
    for entry in std::fs::read_dir(home)? {
        let folder = entry?.path();
        if !folder.is_dir() || folder.join("ending").exists() || is_used(&folder) {
            continue;
        }
        let pid = std::fs::read_to_string(folder.join("data/postmaster.pid")).unwrap_or_default();
        if let Some(pid) = pid.lines().next().and_then(|pid| pid.parse::<u32>().ok()) {
            Command::new("kill")
                .args(["-QUIT", &pid.to_string()])
                .status()?;
        }
        // Its watchdog, if there is one after all, may be at the same.
        let _ = std::fs::remove_dir_all(&folder);
    }
    Ok(())
}

/// Whether a process other than ours has registered and lives.
fn is_used(folder: &Path) -> bool {
    let users = std::fs::read_dir(folder.join("users"))
        .into_iter()
        .flatten();
    users
        .filter_map(|user| user.ok()?.file_name().to_str()?.parse().ok())
        .any(|pid: u32| pid != std::process::id() && watchdog::lives(pid))
}
