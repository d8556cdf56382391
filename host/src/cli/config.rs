//! `countersign config`

use super::{data::environment, output::Output};
use crate::{
    config::{ConfigError, ConfigFile, DEFAULTS, LiveConfig, Sources},
    error::Error,
};
use clap::Args;
use serde_json::json;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    process::ExitCode,
};

const EXAMPLES: &str = "\
Examples:
  countersign config > countersign.toml
  countersign config --check countersign.toml && systemctl reload countersign";

/// Prints every setting with its default, ready to be saved as a configuration file.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Config {
    /// Checks a configuration file instead, together with the environment as it is here
    #[arg(long, value_name = "FILE")]
    check: Option<PathBuf>,
}

impl Config {
    pub(super) fn run(self, out: &Output) -> Result<ExitCode, Error> {
        let Some(file) = self.check else {
            return defaults(out).map(|()| ExitCode::SUCCESS);
        };
        let (strangers, warnings) = checked(&file)?;
        if out.is_json() {
            out.value(&json!({
                "file": file,
                "usable": true,
                "ignored_variables": strangers,
                "warnings": warnings,
            }))?;
            return Ok(ExitCode::SUCCESS);
        }
        for name in strangers {
            out.lines(format_args!(
                "the environment variable {name} is no setting and would be ignored"
            ))?;
        }
        for warning in warnings {
            out.lines(format_args!("warning: {warning}"))?;
        }
        out.lines(format_args!("{} can be used", file.display()))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn defaults(out: &Output) -> Result<(), Error> {
    if !out.is_json() {
        return out.bytes(DEFAULTS.as_bytes());
    }
    let settings: toml::Table = toml::from_str(DEFAULTS).map_err(|error| Error::System {
        doing: "reading the defaults",
        source: std::io::Error::other(error),
    })?;
    out.value(&settings)
}

/// The variables that are no settings and what is hardly meant, where the file can be used.
fn checked(file: &Path) -> Result<(Vec<String>, Vec<String>), ConfigError> {
    let sources = Sources {
        file: Some(ConfigFile::read(file)?),
        env: environment(),
        flags: BTreeMap::new(),
    };
    let (live, strangers) = LiveConfig::load(sources)?;
    let roots = live.current().network.roots();
    roots.map_err(|wrong| live.located(wrong))?;
    Ok((strangers, live.current().warnings()))
}
