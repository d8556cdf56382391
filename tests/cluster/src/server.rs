//! A cluster: its folder, its command, its first answer.

use crate::{binaries::Account, database, watchdog::run_as};
use anyhow::{Context, bail};
use std::{
    net::{Ipv4Addr, TcpListener},
    os::unix::fs::{MetadataExt, PermissionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

/// Longest wait for a server's first answer.
const START_TIMEOUT: Duration = Duration::from_secs(60);
/// The owner of everything; it needs no password.
pub(crate) const USER: &str = "countersign";

/// Whether a commit waits for the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Disk {
    /// No: survives the end of the server, not that of the machine.
    Spared,
    /// As in life.
    Waited,
}

/// A cluster that has been made.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) folder: PathBuf,
    pub(crate) port: u16,
    pub(crate) account: Option<Account>,
    binaries: PathBuf,
    disk: Disk,
}

impl Server {
    /// Makes the folder of a cluster, and chooses a port that is free at this moment.
    pub(crate) fn init(
        folder: PathBuf,
        binaries: PathBuf,
        account: Option<Account>,
        disk: Disk,
    ) -> anyhow::Result<Self> {
        own(&folder, account)?;
        for name in ["users", "socket"] {
            own(&folder.join(name), account)?;
        }
        let mut initdb = Command::new(binaries.join("initdb"));
        initdb
            .arg("--pgdata")
            .arg(folder.join("data"))
            .args(["--username", USER, "--auth", "trust", "--encoding", "UTF8"])
            .args(["--locale", "C", "--no-sync"])
            .current_dir("/")
            .stdin(Stdio::null());
        run_as(&mut initdb, account);
        let output = initdb.output().with_context(|| {
            // Root's tests run it as somebody else.
            let folder = binaries.display();
            format!("initdb does not start; may whoever runs PostgreSQL read {folder}?")
        })?;
        if !output.status.success() {
            bail!("initdb: {}", String::from_utf8_lossy(&output.stderr));
        }
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        Ok(Self {
            folder,
            port,
            account,
            binaries,
            disk,
        })
    }

    /// The command that runs it, in the foreground.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(self.binaries.join("postgres"));
        command.arg("-D").arg(self.folder.join("data"));
        let port = format!("port={}", self.port);
        let sockets = format!(
            "unix_socket_directories={}",
            self.folder.join("socket").display()
        );
        // Many tests at a time, each with a few connections, on a machine that has other things to do.
        for setting in [
            port.as_str(),
            sockets.as_str(),
            "listen_addresses=127.0.0.1",
            "max_connections=400",
            "shared_buffers=64MB",
            "wal_level=minimal",
            "max_wal_senders=0",
        ] {
            command.args(["-c", setting]);
        }
        if self.disk == Disk::Spared {
            command.args(["-c", "fsync=off", "-c", "full_page_writes=off"]);
        }
        command
    }

    /// The address of one of its databases.
    pub(crate) fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// Waits for the first answer; `is_running` tells whether waiting makes sense.
    pub(crate) fn wait(&self, mut is_running: impl FnMut() -> bool) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let problem = match database::ask(&self.url("postgres"), "SELECT 1") {
                Ok(()) => return Ok(()),
                Err(problem) => problem,
            };
            if started.elapsed() > START_TIMEOUT || !is_running() {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(problem.context(format!("the server says: {log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

/// The address of a database of a throw-away cluster.
pub(crate) fn url(port: u16, database: &str) -> String {
    format!("postgres://{USER}@127.0.0.1:{port}/{database}")
}

/// Makes a folder that belongs to this account.
pub(crate) fn own(folder: &Path, account: Option<Account>) -> anyhow::Result<()> {
    let making = || format!("cannot make {}", folder.display());
    std::fs::create_dir_all(folder).with_context(making)?;
    if let Some(Account { uid, gid }) = account {
        chown(folder, Some(uid), Some(gid)).with_context(making)?;
    }
    let mode = std::fs::Permissions::from_mode(0o700);
    std::fs::set_permissions(folder, mode).with_context(making)
}

/// Who we are.
pub(crate) fn own_uid() -> anyhow::Result<u32> {
    // A file of our own says it; there is no safe call for it in the standard library.
    Ok(tempfile::tempfile()?.metadata()?.uid())
}
