//! What is measured: our host, and what a Node team usually builds.

use super::{
    SECRET, WAIT_MAX,
    publisher::{Kind, Pace, Sent, Target, Until, publish},
    receiver::Receiver,
    usage::{cpu_s, tree_cpu_s},
};
use crate::host::{Host, HostHome};
use anyhow::{Context, bail, ensure};
use countersign_cluster::Cluster;
use serde_json::{Value, json};
use std::{
    fmt,
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};
use tempfile::TempDir;

/// Settings of the host that measurements need: as many places for one endpoint as the peers have.
pub(super) const HOST_SETTINGS: &str = "endpoint_concurrency_max = 64";

/// How often Redis brings its log to the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fsync {
    EverySecond,
    Always,
}

/// Where our hosts keep everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StoreKind {
    /// A file; one host.
    Sqlite,
    /// A PostgreSQL that is started for it, which waits for the disk.
    Postgres,
}

const DATABASE: &str = "bench";
/// The key of secrets that hosts of one database share.
const KEY: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Our hosts, and their database if they have one.
pub(super) struct Ours {
    hosts: Vec<(Host, HostHome)>,
    cluster: Option<Cluster>,
}

impl Ours {
    /// A host on a file.
    pub(super) fn alone(host: Host, home: HostHome) -> Self {
        Self {
            hosts: vec![(host, home)],
            cluster: None,
        }
    }

    pub(super) fn start(store: StoreKind, count: u16) -> anyhow::Result<Self> {
        let home = || HostHome::new(HOST_SETTINGS);
        match store {
            StoreKind::Sqlite => {
                let home = home()?;
                Ok(Self::alone(home.start()?, home))
            }
            StoreKind::Postgres => {
                let cluster = countersign_cluster::cluster().context("there is no PostgreSQL")?;
                let url = cluster.create(DATABASE)?;
                let start = |_| {
                    let home = home()?;
                    let host = home.start_with(|command| {
                        command
                            .env("COUNTERSIGN_STORE_URL", &url)
                            .env("COUNTERSIGN_STORE_KEY", KEY);
                    })?;
                    Ok::<_, anyhow::Error>((host, home))
                };
                Ok(Self {
                    hosts: (0..count).map(start).collect::<Result<_, _>>()?,
                    cluster: Some(cluster),
                })
            }
        }
    }

    /// The first of them.
    pub(super) fn first(&self) -> anyhow::Result<&Host> {
        let (host, _) = self.hosts.first().context("no host")?;
        Ok(host)
    }

    /// What a query finds in their database, row by row; nothing without one.
    pub(super) fn query(&self, sql: &str) -> anyhow::Result<Vec<String>> {
        let rows = self
            .cluster
            .as_ref()
            .map(|cluster| cluster.query(DATABASE, sql));
        let rows = rows.transpose()?.unwrap_or_default();
        Ok(rows.into_iter().flatten().collect())
    }

    /// Waits until every host has its share of the endpoints.
    fn settle(&self, endpoints: u16) -> anyhow::Result<()> {
        if self.cluster.is_none() {
            return Ok(());
        }
        let hosts = u16::try_from(self.hosts.len())?.min(endpoints);
        crate::host::wait_for("the sharing out of endpoints", WAIT_MAX, || {
            let sql = "SELECT count(DISTINCT owner) FROM endpoints";
            Ok((self.query(sql)? == [hosts.to_string()]).then_some(()))
        })
    }
}

/// A sender that runs. Ended when it is dropped.
pub(super) enum Sender {
    Ours(Ours),
    BullMq {
        processes: Vec<Guarded>,
        authority: String,
        _dir: TempDir,
    },
}

impl Sender {
    /// So many of our hosts, with so many endpoints at the receiver's paths `/ok/0`, `/ok/1`...
    pub(super) fn ours(
        store: StoreKind,
        hosts: u16,
        receiver: &Receiver,
        endpoints: u16,
    ) -> anyhow::Result<Self> {
        let ours = Ours::start(store, hosts)?;
        for endpoint in 0..endpoints {
            let url = receiver.url(&format!("/ok/{endpoint}"));
            endpoint_at(ours.first()?, "cleanmails", &url)?;
        }
        ours.settle(endpoints)?;
        Ok(Self::Ours(ours))
    }

    /// BullMQ, Redis and undici.
    pub(super) fn bullmq(
        project: &Path,
        fsync: Fsync,
        receiver: &Receiver,
        endpoints: u16,
    ) -> anyhow::Result<Self> {
        let dir = tempfile::tempdir()?;
        let socket = dir.path().join("redis.sock");
        let fsync = match fsync {
            Fsync::EverySecond => "everysec",
            Fsync::Always => "always",
        };
        let mut redis = Command::new("redis-server");
        redis
            .args(["--port", "0", "--save", "", "--appendonly", "yes"])
            .args(["--appendfsync", fsync, "--dir"])
            .arg(dir.path())
            .arg("--unixsocket")
            .arg(&socket)
            .stdout(Stdio::null());
        let mut processes = vec![Guarded(redis.spawn().context("cannot start redis-server")?)];
        let began = Instant::now();
        while !socket.exists() {
            ensure!(
                began.elapsed() < Duration::from_secs(10),
                "redis does not start"
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        let urls = (0..endpoints).map(|endpoint| receiver.url(&format!("/ok/{endpoint}")));
        let urls = urls.collect::<Vec<_>>().join(",");
        let mut authority = String::new();
        for role in ["worker", "ingest"] {
            let mut node = Command::new("node");
            node.current_dir(project)
                .args(["sender.mjs", role])
                .arg(&socket)
                .arg(&urls);
            let (child, url) = listening(&mut node)?;
            processes.push(Guarded(child));
            authority = url.trim_start_matches("http://").to_owned();
        }
        Ok(Self::BullMq {
            processes,
            authority,
            _dir: dir,
        })
    }

    /// Its processes.
    pub(super) fn pids(&self) -> Vec<u32> {
        match self {
            Self::Ours(ours) => ours.hosts.iter().map(|(host, _)| host.pid()).collect(),
            Self::BullMq { processes, .. } => processes.iter().map(|child| child.0.id()).collect(),
        }
    }

    /// Seconds of processor time so far: of its own processes, and of its database.
    pub(super) fn cpu_s(&self) -> anyhow::Result<(f64, f64)> {
        let database = match self {
            Self::Ours(Ours { cluster, .. }) => cluster.as_ref().and_then(Cluster::pid),
            Self::BullMq { .. } => None,
        };
        let database = database.map(tree_cpu_s).transpose()?;
        Ok((cpu_s(&self.pids())?, database.unwrap_or_default()))
    }

    pub(super) fn target(&self, kind: Kind) -> Target {
        let authorities = match self {
            Self::Ours(ours) => {
                let urls = ours.hosts.iter().map(|(host, _)| host.url());
                urls.map(|url| url.trim_start_matches("http://").to_owned())
                    .collect()
            }
            Self::BullMq { authority, .. } => vec![authority.clone()],
        };
        Target {
            authorities,
            kind,
            provider: "cleanmails",
        }
    }

    /// Sends one event, which tells the receiver what bodies look like, and then some more, so that caches are warm and
    /// connections open.
    pub(super) fn warm_up(&self, receiver: &Receiver, endpoints: u16) -> anyhow::Result<()> {
        let target = self.target(Kind::Single);
        let (once, some) = (1, 20_000 / u32::from(endpoints.max(10)));
        for (messages, first) in [(once, 0), (some, once)] {
            let sent = publish(&target, Pace::Closed, limited(messages), first)?;
            let expected = sent.accepted.len() * usize::from(endpoints);
            receiver.wait_for(expected, WAIT_MAX)?;
            receiver.clear();
        }
        Ok(())
    }

    /// The scheme that its requests are signed in, beside Standard Webhooks.
    pub(super) fn scheme(&self) -> Option<&'static str> {
        matches!(self, Self::Ours(_)).then_some("cleanmails")
    }

    /// Whether the route for batches is there.
    pub(super) fn takes_batches(&self) -> anyhow::Result<bool> {
        let Self::Ours(ours) = self else {
            return Ok(false);
        };
        let host = ours.first()?;
        // Refused by any route for events, so that nothing is delivered.
        let event = json!({"provider": "nobody", "payload": {}});
        let answer = host.post("/v1/events/batch", &json!({ "events": [event] }))?;
        Ok(!matches!(answer.status, 404 | 405))
    }

    /// A panic or a complaint in our log is an error.
    pub(super) fn check_log(&self) -> anyhow::Result<()> {
        let Self::Ours(ours) = self else {
            return Ok(());
        };
        for (_, home) in &ours.hosts {
            let log = home.log();
            let wrong = |line: &&str| line.contains("panicked") || line.contains("ERROR");
            if let Some(line) = log.lines().find(wrong) {
                bail!("the host complained: {line}");
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Sender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sender({:?})", self.pids())
    }
}

/// So many messages, in whatever time.
pub(super) fn limited(messages: u32) -> Until {
    Until {
        time: WAIT_MAX,
        messages,
    }
}

/// An endpoint of our host; returns its id.
pub(super) fn endpoint_at(host: &Host, provider: &str, url: &str) -> anyhow::Result<String> {
    host.create_endpoint(&json!({"provider": provider, "url": url, "secret": SECRET}))
}

/// Straight to the receiver, without any server.
pub(super) fn direct(receiver: &Receiver, pace: Pace, until: Until) -> anyhow::Result<Sent> {
    let target = Target {
        authorities: vec![receiver.address().to_string()],
        kind: Kind::Direct,
        provider: "cleanmails",
    };
    publish(&target, pace, until, 0)
}

/// Installs what the Node project needs, if it is not there yet, as its lock file says.
///
/// # Errors
/// Says what is missing, for a remark in the table.
pub(super) fn ready(project: &Path) -> Result<(), String> {
    let found = |program: &str| {
        let asked = Command::new(program).arg("--version").output();
        asked.map(drop).map_err(|_| format!("no {program}"))
    };
    found("redis-server")?;
    found("node")?;
    if project.join("node_modules/bullmq").exists() {
        return Ok(());
    }
    let installed = Command::new("npm")
        .current_dir(project)
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
        .stdout(Stdio::null())
        .status();
    match installed {
        Ok(status) if status.success() => Ok(()),
        _ => Err(format!("`npm ci` failed in {}", project.display())),
    }
}

/// The folder of the Node project in this checkout.
pub(super) fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("bench/bullmq")
}

/// Killed when dropped.
pub(super) struct Guarded(Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Starts a program that prints where it listens.
fn listening(command: &mut Command) -> anyhow::Result<(Child, String)> {
    let mut child = command
        .stdout(Stdio::piped())
        .spawn()
        .context("cannot start node")?;
    let stdout = child.stdout.take().context("stdout is piped")?;
    let mut line = String::new();
    BufReader::new(stdout).read_line(&mut line)?;
    let line: Value = serde_json::from_str(&line).context("node did not start")?;
    let url = line["listening"].as_str().context("no address")?.to_owned();
    Ok((child, url))
}
