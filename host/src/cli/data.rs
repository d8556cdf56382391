//! Where the data is: what the commands of an operator share.

use super::secret;
use crate::{
    config::{Config, ConfigError, ConfigFile, Origin, Sources},
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
    /// The SQLite file, when it is not to be countersign.db in the data folder [setting: store.path]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

impl Data {
    /// The SQLite file.
    pub(super) fn path(&self) -> Result<PathBuf, ConfigError> {
        Ok(Config::load(&self.sources()?)?.0.store_path())
    }

    /// What the settings are read from.
    pub(super) fn sources(&self) -> Result<Sources, ConfigError> {
        let flags = [
            ("store.data_dir", self.data_dir.as_deref().map(path_text)),
            ("store.path", self.store.as_deref().map(path_text)),
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
