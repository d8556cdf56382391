//! Settings: read from the defaults, a file, the environment and flags; checked once.

mod retention;

pub use self::retention::Retention;

use crate::store::sqlite::{Durability, StartCheck};
use serde::Deserialize;
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};
use toml::{Table, Value};

/// Every setting with its default, as `countersign config` prints it.
pub const DEFAULTS: &str = include_str!("../config.default.toml");

/// What environment variables of settings start with.
pub const ENV_PREFIX: &str = "COUNTERSIGN_";
/// Variables with the prefix that are no settings: of the command line and of the build.
const ENV_OTHER: [&str; 2] = ["COUNTERSIGN_CONFIG", "COUNTERSIGN_WASM_DIR"];

/// Longest body limit that can be set: twice this still fits into a call of the rules.
const BODY_BYTES_LIMIT: u64 = 8 * 1024 * 1024;

/// All settings. What each means is said in `config.default.toml`, where the defaults are, too.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub api: Api,
    pub store: Store,
    pub delivery: Delivery,
    pub fairness: Fairness,
    pub retention: Retention,
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

impl std::fmt::Debug for Api {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Api")
            .field("listen", &self.listen)
            .field("token_set", &!self.token.is_empty())
            .field("body_bytes_max", &self.body_bytes_max)
            .field("requests_max", &self.requests_max)
            .finish()
    }
}

/// A setting that cannot be used. The operator's mistake.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration {path}: {source}")]
    Unreadable {
        path: PathBuf,
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("the configuration is not TOML: {0}")]
    Syntax(String),
    /// No setting of this name.
    #[error("there is no setting `{key}`{}; `countersign config` prints all of them", did_you_mean(.nearest))]
    UnknownKey {
        key: String,
        nearest: Option<String>,
    },
    /// The setting has no such value.
    #[error("setting `{key}`: {problem}")]
    Value { key: String, problem: String },
}

fn did_you_mean(nearest: &Option<String>) -> String {
    match nearest {
        Some(key) => format!(" (did you mean `{key}`?)"),
        None => String::new(),
    }
}

/// Where settings come from, each overruling the one before it.
#[derive(Debug, Default)]
pub struct Sources {
    /// Text of the configuration file.
    pub file: Option<String>,
    /// The environment, or the part of it that starts with [`ENV_PREFIX`].
    pub env: BTreeMap<String, String>,
    /// Flags, by setting: `api.listen`.
    pub flags: BTreeMap<&'static str, String>,
}

impl Config {
    /// Reads and checks the settings. Also returns environment variables that look like settings and are none: they are
    /// worth a warning, but no refusal, because platforms set variables of their own with a service's name before them.
    ///
    /// # Errors
    /// [`ConfigError`]
    pub fn load(sources: &Sources) -> Result<(Self, Vec<String>), ConfigError> {
        let mut settings = parse(DEFAULTS)?;
        if let Some(file) = &sources.file {
            overlay(&mut settings, parse(file)?)?;
        }
        let mut strangers = Vec::new();
        for (name, text) in &sources.env {
            let Some(rest) = name.strip_prefix(ENV_PREFIX) else {
                continue;
            };
            match key_of_variable(&settings, rest) {
                Some(key) => set(&mut settings, &key, text)?,
                None if ENV_OTHER.contains(&name.as_str()) => {}
                None => strangers.push(name.clone()),
            }
        }
        for (key, text) in &sources.flags {
            set(&mut settings, key, text)?;
        }
        let config: Self = settings
            .try_into()
            .map_err(|error: toml::de::Error| ConfigError::Syntax(error.message().to_owned()))?;
        config.check()?;
        Ok((config, strangers))
    }

    /// The SQLite file.
    pub fn store_path(&self) -> PathBuf {
        match self.store.path.as_os_str().is_empty() {
            true => self.store.data_dir.join("countersign.db"),
            false => self.store.path.clone(),
        }
    }

    fn check(&self) -> Result<(), ConfigError> {
        let refused = |key: &str, problem: String| {
            Err(ConfigError::Value {
                key: key.to_owned(),
                problem,
            })
        };
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
        for (key, value, least, most) in ranges {
            if !(least..=most).contains(&value) {
                return refused(key, format!("must be from {least} to {most}, not {value}"));
            }
        }
        self.retention.settings()?;
        Ok(())
    }
}

fn parse(text: &str) -> Result<Table, ConfigError> {
    text.parse()
        .map_err(|error: toml::de::Error| ConfigError::Syntax(error.to_string()))
}

/// Puts the settings of `file` over the defaults.
fn overlay(settings: &mut Table, file: Table) -> Result<(), ConfigError> {
    for (section, values) in file {
        let Some(Value::Table(known)) = settings.get_mut(&section) else {
            return Err(unknown(settings, section));
        };
        let Value::Table(values) = values else {
            return Err(ConfigError::Value {
                key: section.clone(),
                problem: format!("is a section: write [{section}] and its settings below it"),
            });
        };
        for (key, value) in values {
            let name = format!("{section}.{key}");
            let Some(place) = known.get_mut(&key) else {
                return Err(unknown(settings, name));
            };
            if !place.same_type(&value) {
                return Err(ConfigError::Value {
                    key: name,
                    problem: format!("must be a {}, not a {}", place.type_str(), value.type_str()),
                });
            }
            *place = value;
        }
    }
    Ok(())
}

/// Sets one setting from text, read as the type that its default has.
fn set(settings: &mut Table, key: &str, text: &str) -> Result<(), ConfigError> {
    let place = key
        .split_once('.')
        .and_then(|(section, key)| settings.get_mut(section)?.get_mut(key));
    let Some(place) = place else {
        return Err(unknown(settings, key.to_owned()));
    };
    let read = match place {
        Value::Integer(_) => text.parse().ok().map(Value::Integer),
        Value::Boolean(_) => text.parse().ok().map(Value::Boolean),
        _ => Some(Value::String(text.to_owned())),
    };
    let problem = || format!("must be a {}, not `{text}`", place.type_str());
    let value = read.ok_or_else(|| ConfigError::Value {
        key: key.to_owned(),
        problem: problem(),
    })?;
    *place = value;
    Ok(())
}

fn key_of_variable(settings: &Table, variable: &str) -> Option<String> {
    keys(settings).find(|key| key.replace('.', "_").to_uppercase() == variable)
}

/// Every setting as `section.key`.
fn keys(settings: &Table) -> impl Iterator<Item = String> + '_ {
    settings.iter().flat_map(|(section, values)| {
        let keys = values.as_table().into_iter().flat_map(|table| table.keys());
        keys.map(move |key| format!("{section}.{key}"))
    })
}

fn unknown(settings: &Table, key: String) -> ConfigError {
    // Also compared without the section, for a key in the wrong one.
    let likeness = |known: &String| {
        let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
        strsim::jaro_winkler(known, &key).max(strsim::jaro_winkler(&last(known), &last(&key)))
    };
    let sections = settings.keys().filter(|_| !key.contains('.')).cloned();
    let nearest = keys(settings)
        .chain(sections)
        .map(|known| (likeness(&known), known))
        .filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, known)| known);
    ConfigError::UnknownKey { key, nearest }
}

#[cfg(test)]
mod tests;
