//! A cluster that belongs to one test.

use crate::{
    binaries, database,
    server::{Disk, Server, own_uid},
    watchdog,
};
use anyhow::Context;
use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Seconds after which a cluster whose test was killed is ended.
const IDLE_S: u32 = 2;
/// Longest time in which one that was killed lets go of its memory.
const RESUME_TIMEOUT: Duration = Duration::from_secs(20);

/// A cluster that is ended with the value. Its commits wait for the disk, as in life.
#[derive(Debug)]
pub struct Cluster {
    server: Server,
    child: Option<Child>,
    /// Removes what is left when we are killed; keeps the folder otherwise.
    _folder: tempfile::TempDir,
}

impl Cluster {
    /// `None` when this machine has no PostgreSQL.
    pub(crate) fn start() -> anyhow::Result<Option<Self>> {
        let Some(binaries) = binaries::folder() else {
            return Ok(None);
        };
        let folder = tempfile::Builder::new()
            .prefix("countersign-postgres-")
            .tempdir()?;
        let account = binaries::account(own_uid()?);
        let server = Server::init(folder.path().to_owned(), binaries, account, Disk::Waited)?;
        std::fs::write(
            server
                .folder
                .join("users")
                .join(std::process::id().to_string()),
            "",
        )?;
        watchdog::start(&server.folder, IDLE_S, account, None)?;
        let mut cluster = Self {
            server,
            child: None,
            _folder: folder,
        };
        cluster.resume()?;
        Ok(Some(cluster))
    }

    /// The address of one of its databases.
    pub fn url(&self, database: &str) -> String {
        self.server.url(database)
    }

    /// Its first process, the ancestor of all others; `None` while it is down.
    pub fn pid(&self) -> Option<u32> {
        self.child.as_ref().map(Child::id)
    }

    /// Where it listens on this machine.
    pub fn port(&self) -> u16 {
        self.server.port
    }

    /// Makes an empty database and returns its address.
    ///
    /// # Errors
    /// When the server does not.
    pub fn create(&self, database: &str) -> anyhow::Result<String> {
        database::ask(
            &self.url("postgres"),
            &format!("CREATE DATABASE {database}"),
        )?;
        Ok(self.url(database))
    }

    /// The first column of what a query finds in one of its databases, as text.
    ///
    /// # Errors
    /// When it fails.
    pub fn query(&self, database: &str, sql: &str) -> anyhow::Result<Vec<Option<String>>> {
        database::query(&self.url(database), sql)
    }

    /// Starts it again after [`kill`](Self::kill) or [`stop`](Self::stop), and waits until it answers.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        let started = Instant::now();
        loop {
            let mut child = self.spawn()?;
            let waited = self.server.wait(|| matches!(child.try_wait(), Ok(None)));
            let ended = child.try_wait()?.is_some();
            if !ended {
                self.child = Some(child);
            }
            // The other processes of one that was killed are still ending, and have its memory.
            if waited.is_ok() || !ended || started.elapsed() > RESUME_TIMEOUT {
                return waited;
            }
        }
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.server.folder.join("log"))?;
        let mut command = self.server.command();
        command
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        watchdog::run_as(&mut command, self.server.account);
        command.spawn().context("postgres does not start")
    }

    /// SIGKILL to the server, whose other processes end when they notice: a crash.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            child.kill()?;
            child.wait()?;
        }
        Ok(())
    }

    /// As an operator stops it: connections are ended, everything is written (SIGINT, "fast").
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn stop(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), "INT")?;
            child.wait()?;
        }
        Ok(())
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // It may have ended already. SIGQUIT ends all of its processes at once.
            let _ = signal(child.id(), "QUIT");
            let _ = child.wait();
        }
    }
}

fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()?;
    anyhow::ensure!(sent.success(), "kill -{name} {pid} failed");
    Ok(())
}
