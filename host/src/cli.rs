//! The command line.

use crate::{
    config::{Config, ConfigError, DEFAULTS, ENV_PREFIX, Sources},
    error::{EXIT_CODES, Error},
    rules, serve,
    store::sqlite::{backup, check},
    telemetry,
};
use clap::{Args, Parser, Subcommand};
use std::{collections::BTreeMap, net::SocketAddr, path::PathBuf};

/// Countersign sends webhooks and loses none: every event is on disk before it is acknowledged, every attempt is signed and
/// recorded, and what fails is tried again as its provider documents.
#[derive(Debug, Parser)]
#[command(name = "countersign", version, after_help = EXIT_CODES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the sender: API, store and delivery loop in one process.
    ///
    /// Prints one line of JSON on standard output once it is ready: {"listening":"http://127.0.0.1:8700"}. Logs go to
    /// standard error. SIGTERM or Ctrl-C stops it gracefully: attempts under way are finished and recorded first. A second
    /// signal stops it at once; nothing is lost then either, but what was under way is sent again.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Copies the data to a file while the sender runs, or while it does not.
    ///
    /// The copy is of one moment, is checked before it gets its name, and overwrites nothing. It holds signing secrets: only its
    /// owner can read it. To restore, stop the sender, remove `countersign.db` and its `-wal` and `-shm` beside it, and put the
    /// copy in its place. Progress goes to standard error.
    Backup(Backup),
    /// Checks whether the data is sound, while the sender runs or while it does not.
    ///
    /// Pages, indices, and what must hold between rows. Prints each finding on a line of standard output; exit code 3 when there
    /// are any. Reads all of the data, so it takes its time.
    Check(Data),
    /// Prints every setting with its default, ready to be saved as a configuration file.
    Config,
    /// Prints the version of this binary and the SHA-256 of the rules inside.
    ///
    /// The kernel is the code that signs. The npm package prints the same SHA-256 as `coreHash` when it verifies with the
    /// same bytes.
    Version,
}

const SERVE_EXAMPLES: &str = "\
Examples:
  countersign serve
      Listens on 127.0.0.1:8700 and keeps its data in ./countersign-data.
  COUNTERSIGN_API_TOKEN=$(openssl rand -hex 24) countersign serve --listen 0.0.0.0:8700
      Reachable from other machines, for those who have the token.
  countersign config > countersign.toml && countersign serve --config countersign.toml
      Starts from a file with every setting in it.";

/// Where the data is.
#[derive(Debug, Args)]
struct Data {
    /// File with settings; see `countersign config`.
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Folder of the data [setting: store.data_dir]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The SQLite file, when it is not countersign.db in the data folder [setting: store.path]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Backup {
    /// Where the copy goes; must not exist.
    #[arg(value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    data: Data,
}

#[derive(Debug, Args)]
struct Serve {
    /// File with settings; see `countersign config`.
    #[arg(long, env = "COUNTERSIGN_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Address and port of the API; port 0 takes any free port [setting: api.listen]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Folder of the data; made when missing [setting: store.data_dir]
    #[arg(long, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
    /// The SQLite file, when it is not to be countersign.db in the data folder [setting: store.path]
    #[arg(long, value_name = "FILE")]
    store: Option<PathBuf>,
    /// Allows endpoints with http:// addresses [setting: delivery.allow_http]
    #[arg(long)]
    allow_http: bool,
    /// Checks all of the file before it is used, however long that takes [setting: store.start_check]
    #[arg(long)]
    full_check: bool,
    /// How many times faster than documented waits pass; for demonstrations and tests only [setting: delivery.time_scale]
    #[arg(long, value_name = "FACTOR")]
    time_scale: Option<u32>,
}

impl Cli {
    /// Does what the command line asks for.
    ///
    /// # Errors
    /// [`Error`], whose exit code is documented.
    pub fn run(self) -> Result<(), Error> {
        match self.command {
            Command::Serve(flags) => {
                let (config, strangers) = Config::load(&flags.sources()?)?;
                telemetry::start(&config.log).map_err(|problem| ConfigError::Value {
                    key: "log.filter".to_owned(),
                    problem,
                })?;
                for name in strangers {
                    tracing::warn!("the environment variable {name} is no setting and is ignored");
                }
                serve::run(config)
            }
            Command::Backup(Backup { to, data }) => {
                let mut told = 0;
                let bytes = backup(&data.path()?, &to, |pages, of| {
                    let percent = pages.saturating_mul(100).checked_div(of).unwrap_or(100);
                    if percent / 10 > told {
                        told = percent / 10;
                        eprintln!("{percent} % of {of} pages");
                    }
                })?;
                println!("{bytes} bytes in {}, checked", to.display());
                Ok(())
            }
            Command::Check(data) => {
                let findings = check(&data.path()?)?;
                for finding in &findings {
                    println!("{finding}");
                }
                match findings.len() {
                    0 => {
                        println!("the data is sound");
                        Ok(())
                    }
                    findings => Err(Error::Unsound { findings }),
                }
            }
            Command::Config => {
                print!("{DEFAULTS}");
                Ok(())
            }
            Command::Version => {
                println!("countersign {}", env!("CARGO_PKG_VERSION"));
                println!("kernel sha256 {}", rules::KERNEL_SHA256);
                println!("guest sha256 {}", rules::GUEST_SHA256);
                println!("wasmtime {}", rules::WASMTIME_VERSION);
                Ok(())
            }
        }
    }
}

impl Data {
    /// The SQLite file.
    fn path(self) -> Result<PathBuf, ConfigError> {
        let flags = Serve {
            config: self.config,
            data_dir: self.data_dir,
            store: self.store,
            listen: None,
            allow_http: false,
            full_check: false,
            time_scale: None,
        };
        Ok(Config::load(&flags.sources()?)?.0.store_path())
    }
}

impl Serve {
    fn sources(&self) -> Result<Sources, ConfigError> {
        let file =
            match &self.config {
                None => None,
                Some(path) => Some(std::fs::read_to_string(path).map_err(|source| {
                    ConfigError::Unreadable {
                        path: path.clone(),
                        source,
                    }
                })?),
            };
        let text = |path: &PathBuf| path.to_string_lossy().into_owned();
        let flags = [
            ("api.listen", self.listen.map(|address| address.to_string())),
            ("store.data_dir", self.data_dir.as_ref().map(text)),
            ("store.path", self.store.as_ref().map(text)),
            (
                "delivery.allow_http",
                self.allow_http.then(|| "true".to_owned()),
            ),
            (
                "store.start_check",
                self.full_check.then(|| "full".to_owned()),
            ),
            (
                "delivery.time_scale",
                self.time_scale.map(|factor| factor.to_string()),
            ),
        ];
        let flags: BTreeMap<_, _> = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)))
            .collect();
        let env = std::env::vars_os()
            .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
            .filter(|(name, _)| name.starts_with(ENV_PREFIX))
            .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
            .collect();
        Ok(Sources { file, env, flags })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }
}
