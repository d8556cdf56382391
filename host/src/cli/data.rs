//! Where the data is: what the commands of an operator share.

use super::secret;
use crate::{
    config::{Config, ConfigError, ConfigFile, Origin, Sources},
    error::Error,
    store::postgres::Address,
    telemetry,
};
use clap::Args;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// Where the data is.
#[derive(Debug, Args)]
pub(super) struct Data {
    /// File with settings; see `countersign config`.
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the data; made when missing [setting: store.data_dir]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The SQLite file, when it is not to be countersign.db in the data folder [setting: store.path], or the address of a
    /// PostgreSQL database, postgres://user:password@host/database [setting: store.url]
    #[arg(
        long,
        value_name = "FILE|ADDRESS",
        env = "COUNTERSIGN_STORE",
        hide_env_values = true
    )]
    store: Option<String>,
}

impl Data {
    /// The SQLite file, for a command that works on nothing else; `instead` says what to use for a database.
    pub(super) fn path(&self, instead: &'static str) -> Result<PathBuf, Error> {
        let config = Config::load(&self.sources()?)?.0;
        match config.store.url.as_str() {
            "" => Ok(config.store_path()),
            _ => Err(Error::Usage {
                code: None,
                message: format!("the data is in a PostgreSQL database. {instead}"),
            }),
        }
    }

    /// What the settings are read from.
    pub(super) fn sources(&self) -> Result<Sources, ConfigError> {
        // One of them takes the place of the other, wherever that is set.
        let (path, url) = match &self.store {
            Some(address) if Address::is_meant(address) => (None, Some(address.clone())),
            Some(path) => (Some(path.clone()), Some(String::new())),
            None => (None, None),
        };
        let flags = [
            ("store.data_dir", self.data_dir.as_deref().map(path_text)),
            ("store.path", path),
            ("store.url", url),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        Ok(Sources {
            file: self.config.as_deref().map(ConfigFile::read).transpose()?,
            env: environment(),
            flags: flags.collect(),
        })
    }
}

/// The environment, for settings and for what they name; the variable of other commands is neither.
pub(super) fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .filter(|(name, _)| name != secret::VARIABLE)
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect()
}

/// Starts the log of the settings.
pub(super) fn start_log(config: &Config) -> Result<telemetry::LogFilter, ConfigError> {
    telemetry::start(&config.log).map_err(|problem| ConfigError::Value {
        at: Origin::Default,
        key: "log.filter".to_owned(),
        problem,
    })
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}
