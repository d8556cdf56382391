//! Settings: read from the defaults, a file, the environment and flags; checked once.

pub mod compat;
mod inbound;
mod live;
mod load;
mod network;
mod retention;

pub use self::{
    compat::Compat,
    inbound::{Check, Inbound, Reader, Signature, Source},
    live::{LiveConfig, Reloaded},
    load::{ConfigError, ConfigFile, Origin, Sources},
    network::Network,
    retention::Retention,
};

use self::load::Settings;
use crate::{
    store::{
        postgres::{self, Address},
        sqlite::{Durability, Options, QueueLimits, StartCheck},
    },
    vault::{Key, KeySource},
};
use serde::Deserialize;
use std::{fmt, net::SocketAddr, path::PathBuf, time::Duration};
use tracing_subscriber::EnvFilter;
use zeroize::Zeroizing;

/// Every setting with its default, as `countersign config` prints it.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// What environment variables of settings start with.
pub const ENV_PREFIX: &str = "COUNTERSIGN_";

/// Settings that a reload puts in force; the others need a restart.
const WHILE_RUNNING: &[&str] = &[
    "api.body_bytes_max",
    "api.requests_max",
    "api.token",
    "compat.smartlead.test_events",
    "compat.smartlead.user_level_wins",
    "core.guest_file",
    "delivery.allow_http",
    "delivery.concurrency_max",
    "delivery.endpoint_concurrency_max",
    "delivery.stop_timeout_s",
    "fairness.body_bytes_max",
    "fairness.slow_percent",
    "inbound.body_bytes_max",
    "inbound.enabled",
    "inbound.requests_max",
    "inbound.sources",
    "inbound.workspace",
    "log.filter",
    "network.allow",
    "network.connect_timeout_ms",
    "network.dns_servers",
    "network.egress",
    "network.head_timeout_ms",
    "network.idle_max",
    "network.lookup_timeout_ms",
    "network.ports",
    "network.proxy",
    "network.roots",
    "network.tls_timeout_ms",
    "retention.attempts",
    "retention.bodies",
    "retention.dead_letters",
    "retention.max_size",
    "retention.messages",
];

/// Longest body limit that can be set: twice this still fits into a call of the rules.
const BODY_BYTES_LIMIT: u64 = 8 * 1024 * 1024;

/// All settings. What each means is said in `config.default.toml`, where the defaults are, too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub api: Api,
    pub store: Store,
    pub core: Core,
    pub delivery: Delivery,
    pub fairness: Fairness,
    pub retention: Retention,
    pub network: Network,
    pub inbound: Inbound,
    pub compat: Compat,
    pub log: Log,
}

#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Api {
    pub listen: SocketAddr,
    pub token: String,
    pub body_bytes_max: u64,
    pub requests_max: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Store {
    pub data_dir: PathBuf,
    pub path: PathBuf,
    pub url: Hidden,
    pub lease_s: u64,
    pub connections_max: u32,
    pub connect_wait_s: u64,
    pub key_file: PathBuf,
    pub key: Hidden,
    pub queue_max: u32,
    pub queue_bytes_max: u64,
    pub batch_max: u32,
    pub durability: Durability,
    pub reserve_bytes: u64,
    pub start_check: StartCheck,
    pub start_check_s: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Core {
    pub guest_file: PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delivery {
    pub allow_http: bool,
    pub concurrency_max: u32,
    pub endpoint_concurrency_max: u32,
    pub stop_timeout_s: u64,
    pub time_scale: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fairness {
    pub slow_percent: u32,
    pub body_bytes_max: u64,
}

impl Fairness {
    /// Places that endpoints which are not known to answer promptly share, of `total`.
    pub fn slow_max(&self, total: u32) -> u32 {
        let share = u64::from(total).saturating_mul(self.slow_percent.into()) / 100;
        u32::try_from(share).unwrap_or(total).max(1)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Log {
    pub filter: String,
    pub format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogFormat {
    Text,
    Json,
}

/// A setting that does not print.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub(crate) String);

impl Hidden {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Hidden {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_empty() {
            "Hidden(empty)"
        } else {
            "Hidden(..)"
        })
    }
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api")
            .field("listen", &self.listen)
            .field("token_set", &!self.token.is_empty())
            .field("body_bytes_max", &self.body_bytes_max)
            .field("requests_max", &self.requests_max)
            .finish()
    }
}

impl Config {
    /// Reads and checks the settings. Also returns environment variables that look like settings and are none: they are
    /// worth a warning, but no refusal, because platforms set variables of their own with a service's name before them.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn load(sources: &Sources) -> Result<(Self, Vec<String>), ConfigError> {
        let (settings, strangers) = Settings::collect(sources)?;
        Ok((settings.config()?, strangers))
    }

    /// What is allowed and hardly meant, a line each.
    pub fn warnings(&self) -> Vec<String> {
        self.compat.warnings(!self.api.token.is_empty())
    }

    /// Whether a reload puts this setting in force.
    pub fn changes_while_running(key: &str) -> bool {
        WHILE_RUNNING.contains(&key)
    }

    /// The database that hosts share; `None`: the data is in a file of this one's.
    ///
    /// # Errors
    /// [`Wrong`]
    pub fn database(&self) -> Result<Option<Address>, Wrong> {
        match self.store.url.as_str() {
            "" => Ok(None),
            url => match url.parse() {
                Ok(address) => Ok(Some(address)),
                Err(error) => Err(Wrong {
                    key: "store.url",
                    problem: format!("{error}"),
                }),
            },
        }
    }

    /// How the database is used. `name` is told to the other hosts.
    pub fn database_options(&self, name: String) -> postgres::Options {
        postgres::Options {
            limits: self.queue_limits(),
            connections_max: self.store.connections_max,
            lease: Duration::from_secs(self.store.lease_s),
            name,
        }
    }

    const fn queue_limits(&self) -> QueueLimits {
        QueueLimits {
            queue_max: self.store.queue_max,
            queue_bytes_max: self.store.queue_bytes_max,
            batch_max: self.store.batch_max,
        }
    }

    /// The SQLite file.
    pub fn store_path(&self) -> PathBuf {
        match self.store.path.as_os_str().is_empty() {
            true => self.store.data_dir.join("countersign.db"),
            false => self.store.path.clone(),
        }
    }

    /// Where the key of the secrets comes from.
    pub fn key_source(&self) -> KeySource {
        let given = self.store.key.as_str();
        match (given.is_empty(), self.store.key_file.as_os_str().is_empty()) {
            (false, _) => KeySource::Given(Zeroizing::new(given.to_owned())),
            (true, false) => KeySource::File(self.store.key_file.clone()),
            (true, true) => KeySource::File(self.store.data_dir.join("secrets.key")),
        }
    }

    /// How the SQLite file is opened.
    pub fn store_options(&self) -> Options {
        Options {
            limits: self.queue_limits(),
            durability: self.store.durability,
            reserve_bytes: self.store.reserve_bytes,
            check: self.store.start_check,
            check_limit: Duration::from_secs(self.store.start_check_s),
        }
    }

    /// The socket on which a running host takes commands of its operator.
    pub fn socket_path(&self) -> PathBuf {
        let mut path = self.store_path().into_os_string();
        path.push(".sock");
        path.into()
    }

    fn check(&self) -> Result<(), Wrong> {
        let refused = |key: &'static str, problem: String| Err(Wrong { key, problem });
        if self.api.token.is_empty() && !self.api.listen.ip().is_loopback() {
            return refused(
                "api.listen",
                format!(
                    "{} can be reached from other machines, but no token is set. Set COUNTERSIGN_API_TOKEN (or \
                     `api.token`), or listen on 127.0.0.1",
                    self.api.listen
                ),
            );
        }
        if !self.api.token.bytes().all(|byte| byte.is_ascii_graphic()) {
            return refused(
                "api.token",
                "must consist of visible ASCII characters".to_owned(),
            );
        }
        if let (false, Err(error)) = (
            self.store.key.as_str().is_empty(),
            Key::parse_all(self.store.key.as_str()),
        ) {
            return refused("store.key", error.to_string());
        }
        self.database()?;
        if let Err(error) = EnvFilter::try_new(&self.log.filter) {
            return refused("log.filter", error.to_string());
        }
        let ranges = [
            (
                "api.body_bytes_max",
                self.api.body_bytes_max,
                1,
                BODY_BYTES_LIMIT,
            ),
            (
                "api.requests_max",
                self.api.requests_max.into(),
                1,
                1_000_000,
            ),
            ("store.queue_max", self.store.queue_max.into(), 1, 1_000_000),
            // Less than the longest body could not be published at all.
            (
                "store.queue_bytes_max",
                self.store.queue_bytes_max,
                BODY_BYTES_LIMIT * 2,
                1 << 38,
            ),
            ("store.reserve_bytes", self.store.reserve_bytes, 0, 1 << 44),
            ("store.start_check_s", self.store.start_check_s, 1, 86_400),
            ("store.batch_max", self.store.batch_max.into(), 1, 10_000),
            // Shorter ones are lost to a busy machine.
            ("store.lease_s", self.store.lease_s, 2, 3_600),
            ("store.connect_wait_s", self.store.connect_wait_s, 0, 3_600),
            // The writer, the lease, the looks at other hosts and news to them have one each.
            (
                "store.connections_max",
                self.store.connections_max.into(),
                6,
                1_000,
            ),
            (
                "delivery.concurrency_max",
                self.delivery.concurrency_max.into(),
                1,
                65_536,
            ),
            (
                "delivery.endpoint_concurrency_max",
                self.delivery.endpoint_concurrency_max.into(),
                1,
                64,
            ),
            (
                "fairness.slow_percent",
                self.fairness.slow_percent.into(),
                1,
                100,
            ),
            (
                "fairness.body_bytes_max",
                self.fairness.body_bytes_max,
                1024 * 1024,
                64 * 1024 * 1024 * 1024,
            ),
            (
                "delivery.stop_timeout_s",
                self.delivery.stop_timeout_s,
                0,
                3_600,
            ),
            (
                "delivery.time_scale",
                self.delivery.time_scale.into(),
                1,
                10_000_000,
            ),
        ];
        let ranges = ranges.into_iter().chain(self.network.ranges());
        for (key, value, least, most) in ranges.chain(self.inbound.ranges()) {
            if !(least..=most).contains(&value) {
                return refused(key, format!("must be from {least} to {most}, not {value}"));
            }
        }
        self.retention.settings()?;
        self.inbound.check()?;
        self.compat.check()?;
        self.network.check()
    }
}

/// A value that no setting of this name can have.
#[derive(Debug, thiserror::Error)]
#[error("setting `{key}`: {problem}")]
pub struct Wrong {
    key: &'static str,
    problem: String,
}

#[cfg(test)]
mod tests;
