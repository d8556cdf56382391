//! A pgbouncer before a cluster of a test's own.

use crate::{
    Cluster,
    binaries::Account,
    database,
    own::signal,
    server::{USER, own, url},
    watchdog::run_as,
};
use anyhow::{Context, bail};
use std::{
    net::{Ipv4Addr, TcpListener},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

/// Where Debian's package puts it, which is not on everybody's `PATH`.
const PACKAGE: &str = "/usr/sbin/pgbouncer";
/// Longest wait for its first answer.
const START_TIMEOUT: Duration = Duration::from_secs(20);
/// The first version that can keep account of prepared statements.
const KEEPS_STATEMENTS: (u32, u32) = (1, 21);

/// A pooler that gives each transaction a connection; ended with the value, and with its cluster.
#[derive(Debug)]
pub struct Pooler {
    program: PathBuf,
    folder: PathBuf,
    account: Option<Account>,
    port: u16,
    version: (u32, u32),
    child: Option<Child>,
}

impl Pooler {
    /// `None` when this machine has no pgbouncer. `statements`: how many prepared ones it keeps account of, if it can.
    pub(crate) fn start(
        cluster: &Cluster,
        connections: u32,
        statements: u32,
    ) -> anyhow::Result<Option<Self>> {
        let Some(program) = program() else {
            return Ok(None);
        };
        let version = version(&program)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        // In the folder of the cluster, whose watchdog ends it if we cannot.
        let folder = cluster.folder().join(format!("pooler-{port}"));
        own(&folder, cluster.account())?;
        // `any` takes whoever comes as the user that is named.
        let keeps = match version >= KEEPS_STATEMENTS {
            true => format!("max_prepared_statements = {statements}\n"),
            false => String::new(),
        };
        let settings = format!(
            "[databases]\n* = host=127.0.0.1 port={} user={USER}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n\
             unix_socket_dir =\nauth_type = any\npool_mode = transaction\nmax_client_conn = 200\n\
             default_pool_size = {connections}\npidfile = {}\n{keeps}",
            cluster.port(),
            folder.join("pid").display()
        );
        std::fs::write(folder.join("settings.ini"), settings)?;
        let mut pooler = Self {
            program,
            folder,
            account: cluster.account(),
            port,
            version,
            child: None,
        };
        pooler.resume()?;
        Ok(Some(pooler))
    }

    /// The address of a database of the cluster, through it.
    pub fn url(&self, database: &str) -> String {
        url(self.port, database)
    }

    /// Whether it can keep account of prepared statements.
    pub fn keeps_statements(&self) -> bool {
        self.version >= KEEPS_STATEMENTS
    }

    /// Ends it and every connection through it, at once.
    ///
    /// # Errors
    /// When the signal cannot be sent.
    pub fn kill(&mut self) -> anyhow::Result<()> {
        if let Some(mut child) = self.child.take() {
            signal(child.id(), "KILL")?;
            child.wait()?;
        }
        Ok(())
    }

    /// Starts it again, and waits until a server answers through it.
    ///
    /// # Errors
    /// When it does not start.
    pub fn resume(&mut self) -> anyhow::Result<()> {
        // What one that was killed has left there.
        let _ = std::fs::remove_file(self.folder.join("pid"));
        let log = std::fs::File::options()
            .create(true)
            .append(true)
            .open(self.folder.join("log"))?;
        let mut command = Command::new(&self.program);
        command
            .arg(self.folder.join("settings.ini"))
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        run_as(&mut command, self.account);
        self.child = Some(command.spawn().context("pgbouncer does not start")?);
        let started = Instant::now();
        while let Err(problem) = database::ask(&self.url("postgres"), "SELECT 1") {
            if started.elapsed() > START_TIMEOUT {
                let log = std::fs::read_to_string(self.folder.join("log")).unwrap_or_default();
                return Err(problem.context(format!("pgbouncer says: {log}")));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        // Its watchdog does it otherwise.
        let _ = self.kill();
    }
}

/// The first on `PATH`, or the package's.
fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path = std::env::split_paths(&path).map(|folder| folder.join("pgbouncer"));
    on_path
        .chain([PathBuf::from(PACKAGE)])
        .find(|program| program.is_file())
}

fn version(program: &Path) -> anyhow::Result<(u32, u32)> {
    let output = Command::new(program).arg("--version").output();
    let output = output.context("pgbouncer does not start")?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    match read_version(&text) {
        Some(version) => Ok(version),
        None => bail!("pgbouncer tells no version: {text:?}"),
    }
}

/// Of "PgBouncer 1.18.0" and what follows.
fn read_version(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split_whitespace().nth(1)?.split('.');
    let mut next = || parts.next()?.parse().ok();
    Some((next()?, next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_read_from_what_the_program_says() {
        let debian = "PgBouncer 1.18.0\nlibevent 2.1.12-stable\n";
        assert_eq!(read_version(debian), Some((1, 18)));
        assert_eq!(read_version("PgBouncer 1.21.0-dev"), Some((1, 21)));
        assert_eq!(read_version("PgBouncer"), None);
    }
}
