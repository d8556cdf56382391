//! The command line.

use crate::{
    admin::{self, Answer},
    chance::SystemChance,
    config::{Config, ConfigError, ConfigFile, DEFAULTS, LiveConfig, Origin, Sources},
    error::{EXIT_CODES, Error},
    network::AllowEntry,
    rules, serve,
    store::sqlite::{SqliteStore, backup, check},
    telemetry,
    vault::Key,
};
use clap::{Args, Parser, Subcommand};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

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
    /// signal stops it at once; nothing is lost then either, but what was under way is sent again. SIGHUP makes it read its
    /// settings again.
    #[command(after_help = SERVE_EXAMPLES)]
    Serve(Serve),
    /// Copies the data to a file while the sender runs, or while it does not.
    ///
    /// The copy is of one moment, is checked before it gets its name, and overwrites nothing. It holds signing secrets, sealed:
    /// keep their key as well, apart from it. Only its owner can read the copy. To restore, stop the sender, remove `countersign.db` and its `-wal` and `-shm` beside it, and put the
    /// copy in its place. Progress goes to standard error.
    Backup(Backup),
    /// Checks whether the data is sound, while the sender runs or while it does not.
    ///
    /// Pages, indices, and what must hold between rows. Prints each finding on a line of standard output; exit code 3 when there
    /// are any. Reads all of the data, so it takes its time.
    Check(Data),
    /// Prints every setting with its default, ready to be saved as a configuration file.
    Config {
        /// Checks a configuration file instead, together with the environment as it is here
        #[arg(long, value_name = "FILE")]
        check: Option<PathBuf>,
    },
    /// The key that signing secrets are sealed with.
    #[command(subcommand)]
    Keys(Keys),
    /// The rules of a running host.
    #[command(subcommand)]
    Core(Core),
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
  countersign serve --dev
      The same, and sends to receivers on this machine, such as http://127.0.0.1:3000/hooks.
  COUNTERSIGN_API_TOKEN=$(openssl rand -hex 24) countersign serve --listen 0.0.0.0:8700
      Reachable from other machines, for those who have the token.
  countersign config > countersign.toml && countersign serve --config countersign.toml
      Starts from a file with every setting in it.";

/// What `--dev` allows.
const THIS_MACHINE: [&str; 2] = ["127.0.0.0/8", "::1/128"];

#[derive(Debug, Subcommand)]
enum Keys {
    /// Prints a new key, for COUNTERSIGN_STORE_KEY or a key file.
    New,
    /// Seals every signing secret with a new key. Stop the host first.
    ///
    /// With a key file, the new key is made here and the old one leaves the file at the end. With COUNTERSIGN_STORE_KEY, give
    /// the new key, a comma and the old one. When it is interrupted, run it again.
    Rotate(Data),
}

#[derive(Debug, Subcommand)]
enum Core {
    /// Replaces the rules (the guest module) without a stop. They are tried first; attempts under way finish on the old ones.
    ///
    /// Without FILE it is the module that the setting core.guest_file names now, or else the one of the binary.
    Reload {
        /// A module of rules, as `cargo xtask build` makes it
        file: Option<PathBuf>,
        #[command(flatten)]
        data: Data,
    },
    /// Prints which modules a running host uses.
    Show(Data),
}

#[derive(Debug, Args)]
struct Backup {
    /// Where the copy goes; must not exist.
    #[arg(value_name = "FILE")]
    to: PathBuf,
    #[command(flatten)]
    data: Data,
}

/// Where the data is.
#[derive(Debug, Args)]
struct Data {
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

#[derive(Debug, Args)]
struct Serve {
    #[command(flatten)]
    data: Data,
    /// Address and port of the API; port 0 takes any free port [setting: api.listen]
    #[arg(long, value_name = "ADDRESS:PORT")]
    listen: Option<SocketAddr>,
    /// Allows endpoints with http:// addresses [setting: delivery.allow_http]
    #[arg(long)]
    allow_http: bool,
    /// Allows endpoints in a network that is not public, or at a host that leads there; may be repeated [setting:
    /// network.allow, whose value it replaces]
    #[arg(long, value_name = "NETWORK|HOST", value_delimiter = ',')]
    allow: Vec<AllowEntry>,
    /// For trying things out: --allow-http, and --allow for this machine (127.0.0.0/8 and ::1)
    #[arg(long)]
    dev: bool,
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
                let (config, strangers) = LiveConfig::load(flags.sources()?)?;
                let log = start_log(&config.current())?;
                for name in strangers {
                    tracing::warn!("the environment variable {name} is no setting and is ignored");
                }
                serve::run(config, log)
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
            Command::Config { check: None } => {
                print!("{DEFAULTS}");
                Ok(())
            }
            Command::Config { check: Some(file) } => {
                let sources = Sources {
                    file: Some(ConfigFile::read(&file)?),
                    env: environment(),
                    flags: BTreeMap::new(),
                };
                let (_, strangers) = Config::load(&sources)?;
                for name in strangers {
                    println!("the environment variable {name} is no setting and would be ignored");
                }
                println!("{} can be used", file.display());
                Ok(())
            }
            Command::Keys(Keys::New) => {
                SystemChance::check().map_err(|source| Error::System {
                    doing: "asking for random bytes",
                    source,
                })?;
                println!("{}", *Key::generate(&SystemChance).to_text());
                Ok(())
            }
            Command::Keys(Keys::Rotate(data)) => {
                let (config, _) = Config::load(&data.sources()?)?;
                start_log(&config)?;
                let keys = config.key_source();
                let id = SqliteStore::rotate_key(
                    &config.store_path(),
                    &config.store_options(),
                    &keys,
                    Arc::new(SystemChance),
                )?;
                println!("every secret is sealed with the key {id} of {keys}");
                Ok(())
            }
            Command::Core(Core::Reload { file, data }) => {
                // The host may have another working folder.
                let file = file.map(std::path::absolute).transpose();
                let file = file.map_err(|source| Error::System {
                    doing: "finding the file",
                    source,
                })?;
                core(&data, &admin::Command::CoreReload { file })
            }
            Command::Core(Core::Show(data)) => core(&data, &admin::Command::CoreShow {}),
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

fn start_log(config: &Config) -> Result<telemetry::LogFilter, ConfigError> {
    telemetry::start(&config.log).map_err(|problem| ConfigError::Value {
        at: Origin::Default,
        key: "log.filter".to_owned(),
        problem,
    })
}

/// Gives a command about the rules to the running host and prints what is in use then.
fn core(data: &Data, command: &admin::Command) -> Result<(), Error> {
    let (config, _) = Config::load(&data.sources()?)?;
    match admin::ask(&config.socket_path(), command)? {
        Answer::Core(core) => {
            println!("kernel sha256 {}", core.kernel_sha256);
            println!("guest sha256 {}", core.guest_sha256);
            match core.guest_file {
                Some(file) => println!("guest file {}", file.display()),
                None => println!("guest of the binary"),
            }
            if !core.kept_at_restart {
                println!(
                    "the next start takes another guest; the setting core.guest_file says which"
                );
            }
            Ok(())
        }
        Answer::Refused(why) => Err(admin::AdminError::Refused(why).into()),
    }
}

fn environment() -> BTreeMap<String, String> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
        .map(|(name, value)| (name, value.to_string_lossy().into_owned()))
        .collect()
}

fn path_text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

impl Data {
    /// The SQLite file.
    fn path(&self) -> Result<PathBuf, ConfigError> {
        Ok(Config::load(&self.sources()?)?.0.store_path())
    }

    fn sources(&self) -> Result<Sources, ConfigError> {
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

impl Serve {
    fn sources(&self) -> Result<Sources, ConfigError> {
        let mut sources = self.data.sources()?;
        let own = match self.dev {
            true => THIS_MACHINE.as_slice(),
            false => &[],
        };
        let allow: Vec<_> = self.allow.iter().map(AllowEntry::to_string).collect();
        let allow = [allow.join(","), own.join(",")].join(",");
        let flags = [
            ("api.listen", self.listen.map(|address| address.to_string())),
            (
                "delivery.allow_http",
                (self.allow_http || self.dev).then(|| "true".to_owned()),
            ),
            ("network.allow", (allow != ",").then_some(allow)),
            (
                "store.start_check",
                self.full_check.then(|| "full".to_owned()),
            ),
            (
                "delivery.time_scale",
                self.time_scale.map(|factor| factor.to_string()),
            ),
        ];
        let flags = flags
            .into_iter()
            .filter_map(|(key, value)| Some((key, value?)));
        sources.flags.extend(flags);
        Ok(sources)
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

    fn serve(flags: &[&str]) -> Config {
        let line = ["countersign", "serve"].iter().chain(flags);
        let Command::Serve(serve) = Cli::parse_from(line).command else {
            panic!("another command");
        };
        Config::load(&serve.sources().unwrap()).unwrap().0
    }

    #[test]
    fn what_may_be_called_is_said_by_flags() {
        let config = serve(&[]);
        assert_eq!(
            (config.delivery.allow_http, config.network.allow.len()),
            (false, 0)
        );
        let config = serve(&["--dev"]);
        assert!(config.delivery.allow_http);
        assert_eq!(config.network.allow, THIS_MACHINE);
        let config = serve(&["--allow", "10.1.2.3/8,fd00::1", "--allow", "hooks.internal"]);
        assert!(!config.delivery.allow_http);
        assert_eq!(
            config.network.allow,
            ["10.0.0.0/8", "fd00::1/128", "hooks.internal"]
        );
    }
}
