//! A cluster that belongs to one test.

use crate::{
    binaries::{self, Account},
    database,
    server::{Disk, Server, USER, own_uid},
    watchdog,
};
use anyhow::Context;
use std::{
    io::Write,
    os::unix::{
        fs::{OpenOptionsExt, chown},
        process::CommandExt,
    },
    path::Path,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Seconds after which a cluster whose test was killed is ended.
const IDLE_S: u32 = 2;
/// Longest wait until a changed setting counts.
const RELOAD_TIMEOUT: Duration = Duration::from_secs(20);
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
        let Some(binaries) = binaries::find()? else {
            return Ok(None);
        };
        let folder = tempfile::Builder::new()
            .prefix("countersign-postgres-")
            .tempdir()?;
        let account = binaries::account(own_uid()?);
        let server = Server::init(
            folder.path().to_owned(),
            binaries.folder,
            account,
            Disk::Waited,
        )?;
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

    /// Has it offer TLS with this certificate, from now on.
    ///
    /// # Errors
    /// When the server does not take it.
    pub fn certify(&self, certificate_pem: &str, key_pem: &str) -> anyhow::Result<()> {
        for (name, text) in [("server.crt", certificate_pem), ("server.key", key_pem)] {
            self.keep(name, text)?;
        }
        self.ask("ALTER SYSTEM SET ssl = on")?;
        self.reload()?;
        let started = Instant::now();
        while self.query("postgres", "SHOW ssl")? != [Some("on".to_owned())] {
            anyhow::ensure!(started.elapsed() < RELOAD_TIMEOUT, "TLS is still off");
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Lets others in by these lines of `pg_hba.conf` alone, beside its own user.
    ///
    /// # Errors
    /// When the server does not read them.
    pub fn admit(&self, lines: &str) -> anyhow::Result<()> {
        let own = format!("host all {USER} 127.0.0.1/32 trust");
        self.keep("pg_hba.conf", &format!("{own}\n{lines}\n"))?;
        self.reload()?;
        let wrong = "SELECT error FROM pg_hba_file_rules WHERE error IS NOT NULL";
        let wrong = self.query("postgres", wrong)?;
        anyhow::ensure!(wrong.is_empty(), "{wrong:?}");
        Ok(())
    }

    /// Runs a statement as its owner.
    ///
    /// # Errors
    /// When it fails.
    pub fn ask(&self, sql: &str) -> anyhow::Result<()> {
        database::ask(&self.url("postgres"), sql)
    }

    /// Its first process rereads its files before it starts another one.
    fn reload(&self) -> anyhow::Result<()> {
        self.ask("SELECT pg_reload_conf()")
    }

    /// Writes a file of the server's.
    fn keep(&self, name: &str, text: &str) -> anyhow::Result<()> {
        let path = self.folder().join("data").join(name);
        let mut options = std::fs::File::options();
        options.create(true).truncate(true).write(true).mode(0o600);
        let mut file = options
            .open(&path)
            .with_context(|| path.display().to_string())?;
        if let Some(Account { uid, gid }) = self.account() {
            chown(&path, Some(uid), Some(gid))?;
        }
        Ok(file.write_all(text.as_bytes())?)
    }

    pub(crate) fn folder(&self) -> &Path {
        &self.server.folder
    }

    pub(crate) fn account(&self) -> Option<Account> {
        self.server.account
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

pub(crate) fn signal(pid: u32, name: &str) -> anyhow::Result<()> {
    let sent = Command::new("kill")
        .args([&format!("-{name}"), &pid.to_string()])
        .status()?;
    anyhow::ensure!(sent.success(), "kill -{name} {pid} failed");
    Ok(())
}
